"""`quotetune verify`: whether the files of an index are what the build left."""

from pathlib import Path
from typing import Annotated

import typer


def verify(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="An index.")],
) -> None:
    """Read every file of an index and compare its checksum; exit with 1 on damage."""
    from quotetune import _core
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.index import Index
    from quotetune.errors import QuotetuneError

    total = sum(file.stat().st_size for file in index.glob("[sf]*-*.*"))
    done = 0
    with ByteProgress() as progress:

        def report(read: int) -> None:
            nonlocal done
            done += read
            progress("verify", done, total)

        damages = _core.check_files(index, report)
    for path, what in damages:
        typer.echo(f"{path}: {what}", err=True)
    if damages:
        raise QuotetuneError(
            f"{index}: {len(damages)} damaged file(s); copy them again, or rebuild the index"
        )
    Index.open(index)
    typer.echo(f"{index}: undamaged ({done:,} bytes read)")
