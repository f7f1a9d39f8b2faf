"""`quotetune pair`: score samples and make preference pairs of them."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.train import Overrides


def pair(
    samples: Annotated[Path, typer.Argument(help="Directory of part files of quotetune sample.")],
    index: Annotated[Path, typer.Option(help="Index of the corpus.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory to make, of pairs and scores.")
    ],
    config: Annotated[Path | None, typer.Option(help="Take pairs from a run's config.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random partner.")] = 0,
    push_to_hub: Annotated[
        str | None,
        typer.Option(metavar="OWNER/NAME", help="Upload the dataset to the Hub, too."),
    ] = None,
    overrides: Overrides = [],  # noqa: B006 - typer reads it, nobody changes it
) -> None:
    """Score samples and write pairs.parquet, pairs.json and scores.parquet.

    Other trainers (TRL, axolotl, LLaMA-Factory) read the dataset that is written beside them.
    Settings are those of a run's config, as in --set pairs.rule=average.
    """
    from quotetune.config import PairsConfig
    from quotetune.config_file import read_blocks
    from quotetune.config_validation import validate_block
    from quotetune.console import progress
    from quotetune.errors import UsageError
    from quotetune.hub import check_repo_name, push_directory
    from quotetune.pairing import pair_samples, statistics_lines
    from quotetune.preference_dataset import write_preference_dataset
    from quotetune.scoring import score_samples
    from quotetune.whole_files import written_directory

    blocks = read_blocks(config, overrides, ("pairs",))
    settings = validate_block(PairsConfig, "pairs", blocks["pairs"])
    if push_to_hub is not None:
        check_repo_name(push_to_hub)
        if not (samples / "job.json").exists():
            raise UsageError(
                f"{samples} has no job.json, from which the dataset's prompts are taken: sample"
                " with `quotetune sample`, or leave --push-to-hub out"
            )
    with written_directory(output) as directory:
        with progress("score", "responses") as report:
            score_samples(samples, index, directory, report)
        scores = directory / "scores.parquet"
        statistics = pair_samples(samples, scores, directory, settings, seed=seed)
        has_dataset = write_preference_dataset(directory, samples)
    for line in statistics_lines(statistics):
        typer.echo(line)
    if has_dataset:
        typer.echo(f"for other trainers: {output / 'dataset'}")
    if push_to_hub is not None:
        push_directory(output / "dataset", push_to_hub, "dataset")
