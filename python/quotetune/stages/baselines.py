"""The stages of the baselines, each of which could explain the numbers of the tuned policy.

They are evaluated on the held-out prompts, like the policies, after all choices.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import Config, GuideConfig, SamplingConfig
from quotetune.metrics.row_names import FROM_PASSAGES, SFT, Baseline
from quotetune.runs.layout import BASE, Layout
from quotetune.runs.stage import Stage
from quotetune.runs.stopping import if_best
from quotetune.runtime.whole_files import read_json
from quotetune.stages import citations, evaluation, training
from quotetune.stages.sampling import sampling_stage

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt


def stages(layout: Layout, name: Baseline) -> list[Stage]:
    """Return the stages that make and evaluate a baseline."""
    if name == SFT:
        return [training.sft(layout), *evaluation.measured(layout, SFT, SFT)]
    if name in FROM_PASSAGES:
        return _from_passages(layout, name)
    if name == "according_to":
        return _according_to(layout)
    return _sampled(layout, name, layout.heldout, sampling_of(layout.config, name))


def sampling_of(config: Config, name: Baseline) -> SamplingConfig:
    """Return the sampling of a baseline that the base model draws.

    None but `guided` has a guide, even if the policies are evaluated with one; `unguided` differs
    in nothing else.
    """
    sampling = config.evaluation_sampling.model_copy(update={"guide": None})
    match name:
        case "temperature_0":
            return sampling.model_copy(update={"temperature": 0.0, "n": 1})
        case "temperature_0.3":
            return sampling.model_copy(update={"temperature": 0.3})
        case "guided":
            documents = "corpus" if config.prompts.context is None else "prompt"
            return sampling.model_copy(update={"guide": GuideConfig(documents=documents)})
        case _:
            return sampling


def _according_to(layout: Layout) -> list[Stage]:
    prompts = layout.evaluation("according_to") / "prompts" / "prompts.parquet"

    def make(result: Path) -> None:
        from quotetune.prompts.according_to import according_to
        from quotetune.prompts.prompt import load_prompts, write_prompts

        result.mkdir(exist_ok=True)
        write_prompts(result / prompts.name, according_to(load_prompts(layout.heldout)))

    inputs = {"the held-out prompts": layout.heldout}
    written = Stage("evaluation/according_to/prompts", prompts.parent, {}, inputs, make)
    sampling = sampling_of(layout.config, "according_to")
    return [written, *_sampled(layout, "according_to", prompts, sampling)]


def _sampled(
    layout: Layout, name: Baseline, prompts: Path, sampling: SamplingConfig
) -> list[Stage]:
    """Sample the base model in another way, and compute the metrics."""
    directory = layout.evaluation(name)
    return [
        sampling_stage(
            layout,
            f"evaluation/{name}/sample",
            directory / "samples",
            prompts,
            sampling,
            policy=BASE,
            seed=layout.config.evaluation_seed,
            seed_round=evaluation.EVALUATION_ROUND,
        ),
        *citations.uncited(layout, f"evaluation/{name}", directory),
        evaluation.metrics(layout, name, prompts),
    ]


def _from_passages(layout: Layout, name: Baseline) -> list[Stage]:
    """Copy from the passages of the prompts, and compute the metrics."""
    directory = layout.evaluation(name)
    copied = directory / "samples"
    heldout: dict[str, Path] = {"the held-out prompts": layout.heldout}

    def stage(
        texts: Callable[[Sequence["Prompt"]], Sequence[str]],
        settings: dict[str, Any],
        inputs: dict[str, Path],
    ) -> Stage:
        def make(result: Path) -> None:
            from quotetune.evaluation.sample_metrics import write_texts
            from quotetune.prompts.prompt import load_prompts

            prompts = load_prompts(layout.heldout)
            write_texts(result, prompts, texts(prompts))

        return Stage(f"evaluation/{name}/copy", copied, settings, heldout | inputs, make)

    def best_sentences(prompts: Sequence["Prompt"]) -> list[str]:
        from quotetune.evaluation.from_passages import best_sentences

        return best_sentences(prompts)

    def likeliest_sentences(prompts: Sequence["Prompt"]) -> list[str]:
        from quotetune.evaluation.from_passages import likeliest_sentences

        return likeliest_sentences(
            prompts,
            _prompt_tokens(layout, prompts),
            model=layout.model(BASE),
            adapter=layout.adapter(BASE),
            work=directory / "measuring",
            places=layout.config.evaluation_sampling.places,
        )

    def starts(policy: str) -> Callable[[Sequence["Prompt"]], Sequence[str]]:
        def of_the_length_of_the_answers(prompts: Sequence["Prompt"]) -> list[str]:
            from quotetune.evaluation.from_passages import passage_starts

            chars = read_json(layout.metrics(policy))["metrics"]["length_chars"]
            return passage_starts(prompts, round(chars))

        return of_the_length_of_the_answers

    measured = evaluation.metrics(layout, name, layout.heldout, samples=copied)
    if name == "best_sentence":
        return [stage(best_sentences, {}, {}), measured]
    if name == "sentence_by_model":
        inputs = {
            "the base model's samples": layout.evaluation(BASE) / "samples",
            **layout.policy_inputs(BASE),
        }
        return [stage(likeliest_sentences, layout.model_settings(BASE), inputs), measured]
    _, *trained = layout.policies()
    made: list[Stage] = []
    for policy in trained:
        inputs = {"the metrics of the best policy": layout.metrics_directory(policy)}
        made += if_best(layout, [stage(starts(policy), {}, inputs)], policy)
    return [*made, measured]


def _prompt_tokens(layout: Layout, prompts: Sequence["Prompt"]) -> list[list[int]]:
    """Return the tokens of prompts, which are in the base model's samples."""
    from quotetune.sampling.parts import read_samples

    table = read_samples(layout.evaluation(BASE) / "samples")
    tokens = dict(
        zip(table["prompt_id"].to_pylist(), table["prompt_token_ids"].to_pylist(), strict=True)
    )
    return [tokens[prompt.id] for prompt in prompts]
