"""Stages of a policy's evaluation on the held-out prompts."""

from pathlib import Path

from quotetune.stage import Stage
from quotetune.stages.layout import BASE, Layout
from quotetune.stages.sampling import sampling_stage
from quotetune.whole_files import write_json

EVALUATION_ROUND = 0  # in the seeds; training rounds count from 1


def stages(layout: Layout, policy: str) -> list[Stage]:
    """Return the stages that evaluate a policy."""
    return [sample(layout, policy), metrics(layout, policy)]


def sample(layout: Layout, policy: str) -> Stage:
    """Sample the held-out prompts from a policy, with the same seeds whichever it is."""
    config = layout.config
    sampling = config.evaluation_sampling
    if policy == BASE:
        n = max(sampling.n, config.evaluation.best_of_n or 1)
        sampling = sampling.model_copy(update={"n": n})
    return sampling_stage(
        layout,
        f"evaluation/{policy}/sample",
        layout.evaluation(policy) / "samples",
        layout.heldout,
        sampling,
        policy=policy,
        seed_round=EVALUATION_ROUND,
    )


def metrics(layout: Layout, policy: str) -> Stage:
    """Compute the metrics of a policy's responses."""
    config = layout.config
    directory = layout.evaluation(policy)
    samples = directory / "samples"
    best_of_n = config.evaluation.best_of_n if policy == BASE else None
    n = config.evaluation_sampling.n

    def make(result: Path) -> None:
        from quotetune.evaluating import evaluate_samples
        from quotetune.prompts import load_prompts

        prompts = load_prompts(layout.heldout)
        content = evaluate_samples(prompts, samples, config.index, n=n, best_of_n=best_of_n)
        result.mkdir(exist_ok=True)
        write_json(result / "metrics.json", content)

    settings = {"evaluation.sampling.n": n, "evaluation.best_of_n": best_of_n}
    inputs = {
        "the held-out prompts": layout.heldout,
        "index": config.index,
        "the samples": samples,
    }
    return Stage(f"evaluation/{policy}/metrics", directory / "metrics", settings, inputs, make)
