"""The stages that evaluate a policy, or a baseline, on the held-out prompts."""

from pathlib import Path
from typing import Any

from quotetune.config import SamplingConfig
from quotetune.metrics.table import ON_DEMAND
from quotetune.runs.layout import BASE, Layout, flat
from quotetune.runs.stage import Stage
from quotetune.runtime.whole_files import write_json
from quotetune.stages import citations
from quotetune.stages.sampling import sampling_stage

EVALUATION_ROUND = 0  # in the seeds; training rounds count from 1
# The format of what the metrics stage writes. A stage in an older format is done again.
_METRICS_FORMAT = 3


def stages(layout: Layout, policy: str) -> list[Stage]:
    """Return the stages that evaluate a policy."""
    config = layout.config
    sampled = sampling_stage(
        layout,
        f"evaluation/{policy}/sample",
        layout.evaluation(policy) / "samples",
        layout.heldout,
        _sampling(layout, policy),
        policy=policy,
        seed_round=EVALUATION_ROUND,
    )
    measured = [
        sampled,
        *citations.uncited(layout, f"evaluation/{policy}", layout.evaluation(policy)),
        metrics(layout, policy, layout.heldout),
        *citations.evaluated(layout, policy),
    ]
    if config.drift is not None:
        drawn = [] if policy == BASE else unguided(layout, policy)
        measured += [*drawn, drift(layout, policy)]
    return measured


def unguided(layout: Layout, policy: str) -> list[Stage]:
    """Draw the responses by which a policy itself is measured, if its evaluation has a guide.

    A guide makes responses less probable, so the distance between policies is not measured on them.
    """
    sampling = _sampling(layout, policy)
    if sampling.guide is None:
        return []
    return [
        sampling_stage(
            layout,
            f"evaluation/{policy}/sample_unguided",
            layout.unguided(policy),
            layout.heldout,
            sampling.model_copy(update={"guide": None}),
            policy=policy,
            seed_round=EVALUATION_ROUND,
        )
    ]


def _sampling(layout: Layout, policy: str) -> SamplingConfig:
    sampling = layout.config.evaluation_sampling
    if policy != BASE:
        return sampling
    n = max(sampling.n, layout.config.evaluation.best_of_n or 1)
    return sampling.model_copy(update={"n": n})


def baseline(layout: Layout, name: str) -> list[Stage]:
    """Return the stages that evaluate the base model under a baseline's prompts."""
    directory = layout.evaluation(name)
    prompts = directory / "prompts" / "prompts.parquet"

    def make(result: Path) -> None:
        from quotetune.prompts.according_to import according_to
        from quotetune.prompts.prompt import load_prompts, write_prompts

        result.mkdir(exist_ok=True)
        write_prompts(result / prompts.name, according_to(load_prompts(layout.heldout)))

    inputs = {"the held-out prompts": layout.heldout}
    return [
        Stage(f"evaluation/{name}/prompts", prompts.parent, {}, inputs, make),
        sampling_stage(
            layout,
            f"evaluation/{name}/sample",
            directory / "samples",
            prompts,
            layout.config.evaluation_sampling,
            policy=BASE,
            seed_round=EVALUATION_ROUND,
        ),
        *citations.uncited(layout, f"evaluation/{name}", directory),
        metrics(layout, name, prompts),
    ]


def metrics(layout: Layout, name: str, asked: Path) -> Stage:
    """Compute the metrics of the responses to the prompts in a file."""
    config = layout.config
    directory = layout.evaluation(name)
    samples = layout.measured(directory)
    best_of_n = config.evaluation.best_of_n if name == BASE else None
    n = config.evaluation_sampling.n

    def make(result: Path) -> None:
        from quotetune.corpus.index import Index
        from quotetune.evaluation.sample_metrics import evaluate_samples, write_evaluation
        from quotetune.measures.scoring_models import scoring_models_of
        from quotetune.prompts.prompt import load_prompts
        from quotetune.sampling.parts import read_samples

        prompts = load_prompts(asked)
        evaluated = evaluate_samples(
            prompts,
            read_samples(samples),
            Index.open(config.index),
            n=n,
            best_of_n=best_of_n,
            with_reference=name == BASE,
            models=scoring_models_of(config.evaluation, config.model),
            work=directory / "measuring",
        )
        write_evaluation(result, evaluated, len(prompts))

    settings: dict[str, Any] = {
        "evaluation.sampling.n": n,
        "evaluation.best_of_n": best_of_n,
        "format of the metrics": _METRICS_FORMAT,
        **_scoring_settings(layout),
    }
    inputs = {"the held-out prompts": asked, "index": config.index, "the samples": samples}
    made = layout.metrics_directory(name)
    return Stage(f"evaluation/{name}/metrics", made, settings, inputs, make)


def _scoring_settings(layout: Layout) -> dict[str, Any]:
    """Return the config's keys of the models that measure, without those that are not used."""
    evaluation = layout.config.evaluation.model_dump(include=set(ON_DEMAND))
    if evaluation["perplexity"] == "base":
        evaluation["perplexity"] = layout.config.model.model_dump()
    return flat("evaluation", {name: block for name, block in evaluation.items() if block})


def drift(layout: Layout, policy: str) -> Stage:
    """Measure how far a policy has moved from the base model."""
    config = layout.config
    assert config.drift is not None
    settings = config.drift
    file = layout.drift(policy)
    samples = None if policy == BASE else layout.unguided(policy)
    outside = settings.outside

    def make(result: Path) -> None:
        from quotetune.measures.drift import measure_drift

        content = measure_drift(
            samples,
            base=(config.model, layout.adapter(BASE)),
            model=layout.model(policy),
            adapter=layout.adapter(policy),
            outside=outside,
            max_tokens=settings.max_tokens,
            work=result.parent / "work",
        )
        result.mkdir(exist_ok=True)
        write_json(result / file.name, content)

    inputs = layout.policy_inputs(policy)
    if (adapter := layout.adapter(BASE)) is not None:
        inputs["model.adapter"] = adapter
    if samples is not None:
        inputs["the samples"] = samples
    if outside is not None:
        inputs["drift.outside"] = outside
    keys = layout.model_settings(policy)
    if outside is not None:
        keys["drift.max_tokens"] = settings.max_tokens
    return Stage(f"evaluation/{policy}/drift", file.parent, keys, inputs, make)
