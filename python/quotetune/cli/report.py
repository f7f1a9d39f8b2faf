"""`quotetune report`: write the report page of a finished run again."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a finished run.")],
    index: Annotated[
        Path | None,
        typer.Option(help="Index of the corpus.  [default: that of the run's config]"),
    ] = None,
) -> None:
    """Write report.html of a finished run: its results, and its responses with their sources."""
    from quotetune.report import write_report

    typer.echo(write_report(run, index))
