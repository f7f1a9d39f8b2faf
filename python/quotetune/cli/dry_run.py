"""`quotetune build-index --dry-run`: what a build would write and need."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from quotetune.corpus.estimate import BuildEstimate


def print_estimate(inputs: list[Path], output: Path | None, options: Mapping[str, Any]) -> None:
    """Print the estimate of a build as a table, and what it follows from below it."""
    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    from quotetune.corpus.estimate import estimate_build
    from quotetune.runtime.plural import counted

    estimate = estimate_build(inputs, output, **options)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, size in estimate.files.items():
        table.add_row(name, decimal(size))
    table.add_row("all files", decimal(estimate.total))
    table.add_row("memory", f"about {decimal(estimate.memory)}")
    time = f"about {_duration(estimate.seconds)}"
    table.add_row("time", f"{time} on {counted(estimate.threads, 'thread')}")
    Console(highlight=False).print(table)
    typer.echo(_basis(estimate))
    typer.echo("The time is that of the machine of docs/benchmarks.md. Nothing was written.")


def _basis(estimate: "BuildEstimate") -> str:
    """Say what the sizes follow from."""
    from quotetune.runtime.plural import counted

    amount = f"{counted(estimate.documents, 'document')}, {estimate.characters:,} characters"
    ngrams = f"{estimate.distinct_ngrams:,} distinct n-grams"
    match estimate.basis:
        case "corpus":
            return f"Counted: {amount}, about {ngrams}."
        case "sample":
            return (
                f"Estimated from a sample: {amount}, {ngrams}. Copies that are far apart make the "
                "filter smaller than this."
            )
        case _:
            return (
                f"Assumed: {amount} of one byte, {ngrams}, names of 30 bytes. Other scripts take "
                "2 to 4 bytes per character."
            )


def _duration(seconds: float) -> str:
    """Write a time, no more precisely than it is known.

    Example:
        >>> _duration(0.2), _duration(45), _duration(2000), _duration(20000)
        ('1 s', '45 s', '33 minutes', '5.6 hours')
    """
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
