"""Stages of a round up to its pairs: sample, score, pair."""

from pathlib import Path

from quotetune.console import progress, say
from quotetune.stage import Stage
from quotetune.stages.layout import Layout, flat
from quotetune.stages.sampling import sampling_stage


def sample(layout: Layout, number: int) -> Stage:
    """Sample the training prompts of a round from the policy that it starts from."""
    return sampling_stage(
        layout,
        f"round-{number}/sample",
        layout.round(number) / "samples",
        layout.config.run / "prompts" / f"round-{number}.parquet",
        layout.config.sampling,
        policy=layout.start(number),
        seed_round=number,
    )


def score(layout: Layout, number: int) -> Stage:
    """Score the samples of a round."""
    config = layout.config
    samples = layout.round(number) / "samples"
    name = f"round-{number}/score"

    def make(result: Path) -> None:
        from quotetune.scoring import score_samples

        with progress(name, "responses") as report:
            score_samples(samples, config.index, result, report)

    inputs = {"index": config.index, "the samples": samples}
    return Stage(name, layout.round(number) / "scores", {}, inputs, make)


def pair(layout: Layout, number: int) -> Stage:
    """Make the pairs of a round."""
    config = layout.config
    samples = layout.round(number) / "samples"
    scores = layout.round(number) / "scores" / "scores.parquet"

    def make(result: Path) -> None:
        from quotetune.pairing import pair_samples, statistics_lines

        statistics = pair_samples(samples, scores, result, config.pairs, seed=config.seed)
        for line in statistics_lines(statistics):
            say(f"  {line}")

    settings = flat("pairs", config.pairs.model_dump())
    if config.pairs.rule == "random_partner":
        settings["seed"] = config.seed
    inputs = {"the samples": samples, "the scores": scores}
    directory = layout.round(number) / "pairs"
    return Stage(f"round-{number}/pair", directory, settings, inputs, make)
