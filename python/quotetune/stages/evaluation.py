"""The stages that evaluate policies, on held-out prompts and those for development.

The evaluation of a policy on held-out prompts has the policy's name. `on_dev` names the other one.
"""

from pathlib import Path
from typing import Any

from quotetune.config import SamplingConfig
from quotetune.metrics.table import ON_DEMAND
from quotetune.runs.directory import on_dev
from quotetune.runs.layout import BASE, Layout, flat
from quotetune.runs.stage import Stage
from quotetune.runs.stopping import if_best
from quotetune.runtime.whole_files import write_json
from quotetune.stages import citations
from quotetune.stages.sampling import sampling_stage

EVALUATION_ROUND = 0  # in the seeds; training rounds count from 1
# The format of what the metrics stage writes. A stage in an older format is done again.
_METRICS_FORMAT = 3


def stages(layout: Layout, policy: str) -> list[Stage]:
    """Return the stages that evaluate a policy before the next round.

    With development prompts, these are about them alone. `reported` looks at the held-out prompts.
    """
    if layout.has_dev:
        return [*measured(layout, on_dev(policy), policy), *_drift(layout, policy)]
    return [*_heldout(layout, policy), *_drift(layout, policy)]


def reported(layout: Layout) -> list[Stage]:
    """Return the stages that evaluate the base model and the best policy on the held-out prompts.

    They come after all choices, which were made on development prompts.
    """
    _, *trained = layout.policies()
    best = [if_best(layout, _heldout(layout, policy), policy) for policy in trained]
    return [*_heldout(layout, BASE), *(stage for stages in best for stage in stages)]


def _heldout(layout: Layout, policy: str) -> list[Stage]:
    return [*measured(layout, policy, policy), *citations.evaluated(layout, policy)]


def measured(layout: Layout, name: str, policy: str) -> list[Stage]:
    """Sample a policy, and compute the metrics of its responses.

    Args:
        layout: The layout of the run.
        name: The evaluation: the policy's name for the held-out prompts, else as in `on_dev`.
        policy: The policy.
    """
    directory = layout.evaluation(name)
    prompts = _prompts(layout, name, policy)
    sampled = sampling_stage(
        layout,
        f"evaluation/{name}/sample",
        directory / "samples",
        prompts,
        _sampling(layout, name),
        policy=policy,
        seed=layout.config.evaluation_seed,
        seed_round=EVALUATION_ROUND,
    )
    uncited = citations.uncited(layout, f"evaluation/{name}", directory)
    return [sampled, *uncited, metrics(layout, name, prompts)]


def _prompts(layout: Layout, name: str, policy: str) -> Path:
    """Return the prompts of a policy's evaluation."""
    return layout.heldout if name == policy else layout.dev


def _drift(layout: Layout, policy: str) -> list[Stage]:
    """Measure a policy's drift on the responses of the evaluation that decides."""
    if layout.config.drift is None:
        return []
    drawn = [] if policy == BASE else unguided(layout, layout.deciding(policy), policy)
    return [*drawn, drift(layout, policy)]


def unguided(layout: Layout, name: str, policy: str) -> list[Stage]:
    """Draw the responses by which a policy itself is measured, if its evaluation has a guide.

    A guide makes responses less probable, so the distance between policies is not measured on them.

    Args:
        layout: The layout of the run.
        name: The evaluation, as for `metrics`.
        policy: The policy.
    """
    sampling = _sampling(layout, name)
    if sampling.guide is None:
        return []
    return [
        sampling_stage(
            layout,
            f"evaluation/{name}/sample_unguided",
            layout.unguided(name),
            _prompts(layout, name, policy),
            sampling.model_copy(update={"guide": None}),
            policy=policy,
            seed=layout.config.evaluation_seed,
            seed_round=EVALUATION_ROUND,
        )
    ]


def _sampling(layout: Layout, name: str) -> SamplingConfig:
    sampling = layout.config.evaluation_sampling
    if name != BASE:
        return sampling
    n = max(sampling.n, layout.config.best_of_n or 1)
    return sampling.model_copy(update={"n": n})


def metrics(layout: Layout, name: str, asked: Path, samples: Path | None = None) -> Stage:
    """Compute the metrics of the responses to the prompts in a file.

    Args:
        layout: The layout of the run.
        name: The evaluation: a policy, a baseline, or a policy on development prompts (`on_dev`).
        asked: The prompts.
        samples: The directory of the responses; None for those that a model gave.
    """
    config = layout.config
    directory = layout.evaluation(name)
    samples = samples or layout.measured(directory)
    best_of_n = config.best_of_n if name == BASE else None
    n = config.evaluation_sampling.n

    def make(result: Path) -> None:
        from quotetune.corpus.index import Index
        from quotetune.evaluation.sample_metrics import evaluate_samples, write_evaluation
        from quotetune.measures.scoring_models import scoring_models_of
        from quotetune.prompts.prompt import load_prompts
        from quotetune.sampling.parts import read_samples

        loaded = load_prompts(asked)
        evaluated = evaluate_samples(
            loaded,
            read_samples(samples),
            Index.open(config.index),
            n=n,
            best_of_n=best_of_n,
            with_reference=name == BASE,
            models=scoring_models_of(
                config.evaluation, config.model, config.evaluation_sampling.places
            ),
            work=directory / "measuring",
        )
        write_evaluation(result, evaluated, len(loaded))

    settings: dict[str, Any] = {
        "evaluation.sampling.n": n,
        "evaluation.best_of_n": best_of_n,
        "format of the metrics": _METRICS_FORMAT,
        **_scoring_settings(layout),
    }
    prompts = "the development prompts" if asked == layout.dev else "the held-out prompts"
    inputs = {prompts: asked, "index": config.index, "the samples": samples}
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
    name = layout.deciding(policy)
    file = layout.drift(name)
    samples = None if policy == BASE else layout.unguided(name)
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
            places=config.evaluation_sampling.places,
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
    return Stage(f"evaluation/{name}/drift", file.parent, keys, inputs, make)
