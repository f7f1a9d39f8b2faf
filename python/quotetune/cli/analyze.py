"""`quotetune analyze`: studies of runs."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import Overrides, Policy

analyze = typer.Typer(
    help="Study runs: the effect of topic frequency, and the effect of more prompts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@analyze.command()
def frequency(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a finished run.")],
    topic: Annotated[
        str,
        typer.Option(help="Column of the prompts that names the topic: topic, id or another one."),
    ] = "topic",
    policy: Policy = None,
    metric: Annotated[str, typer.Option(help="Metric of a response, as in rouge_l.")] = "quip",
    index: Annotated[
        Path | None,
        typer.Option(help="Index in which topics are counted.  [default: that of the run]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Directory to write.  [default: RUN/analysis]"),
    ] = None,
) -> None:
    """Relate QUIP before and after training to how often a prompt's topic occurs in the corpus.

    Only whole words count. Writes frequency.json, frequency.md and frequency.svg: 12 bins of equal
    width in ln(count) with mean and spread, Pearson's r over bins and over prompts with its
    interval, a least-squares fit, and the rarest tenth.
    """
    from quotetune.analysis.frequency_study import study_frequency, write_study

    directory = output or run / "analysis"
    study = study_frequency(run, topic=topic, policy=policy, metric=metric, index=index)
    table = write_study(study, directory)
    typer.echo(table, nl=False)
    typer.echo(f"\n{directory / 'frequency.svg'}")


@analyze.command(name="data-size")
def data_size(
    config: Annotated[Path, typer.Argument(help="A run's config, a YAML file.")],
    prompts: Annotated[
        str,
        typer.Option(
            metavar="N,N,...",
            help="Training prompts per round, as in 50,100,200; one run for each number.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory for the runs and the study.")
    ],
    overrides: Overrides = [],  # noqa: B006 - typer reads it, nobody changes it
) -> None:
    """Train with several numbers of prompts, and relate the gain in QUIP to the number.

    All runs have the same held-out prompts. The training prompts of a larger run include those of
    the smaller runs. If it is interrupted, run the same command again to continue.
    """
    from quotetune.analysis.data_size import parse_sizes, study_data_size, write_data_size

    rows = study_data_size(config, parse_sizes(prompts), output, overrides)
    typer.echo(write_data_size(rows, output), nl=False)
    typer.echo(f"\n{output / 'data-size.svg'}")
