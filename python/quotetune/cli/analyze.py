"""`quotetune analyze`: studies over runs."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import Overrides, Policy

analyze = typer.Typer(
    help="Study runs: does frequency decide, and what do more prompts bring?",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@analyze.command()
def frequency(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a finished run.")],
    topic: Annotated[
        str, typer.Option(help="What names a prompt's topic: topic, id, or another column.")
    ] = "topic",
    policy: Policy = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Directory to write.  [default: RUN/analysis]"),
    ] = None,
) -> None:
    """Put QUIP before and after against how often the prompt's topic stands in the corpus.

    Writes frequency.json, frequency.md and frequency.svg: 12 bins of equal width in ln(count) with
    mean and spread, Pearson r over bins and prompts, a least-squares fit, and the rarest tenth.
    """
    from quotetune.analysis.frequency_study import study_frequency, write_study

    directory = output or run / "analysis"
    table = write_study(study_frequency(run, topic=topic, policy=policy), directory)
    typer.echo(table, nl=False)
    typer.echo(f"\n{directory / 'frequency.svg'}")


@analyze.command(name="data-size")
def data_size(
    config: Annotated[Path, typer.Argument(help="A run's config, a YAML file.")],
    prompts: Annotated[
        str,
        typer.Option(metavar="N,N,...", help="Training prompts a round, a run each: 50,100,200."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory of the runs and of the study.")
    ],
    overrides: Overrides = [],  # noqa: B006 - typer reads it, nobody changes it
) -> None:
    """Train with several numbers of prompts, and put the gain in QUIP against them.

    All runs have the same held-out prompts, and a larger one's training prompts are those of the
    smaller ones and more. The same command goes on where it was interrupted.
    """
    from quotetune.analysis.data_size import parse_sizes, study_data_size, write_data_size

    rows = study_data_size(config, parse_sizes(prompts), output, overrides)
    typer.echo(write_data_size(rows, output), nl=False)
    typer.echo(f"\n{output / 'data-size.svg'}")
