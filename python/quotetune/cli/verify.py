"""`quotetune verify`: check the files of an index for damage."""

from pathlib import Path
from typing import Annotated

import typer


def verify(
    index: Annotated[
        Path, typer.Argument(metavar="INDEX", help="An index, or a .json list of indexes.")
    ],
) -> None:
    """Read every file of an index and compare its checksum. The exit status is 1 on damage.

    Of a list of indexes, it also checks that no document is in two of them.
    """
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.index import Index
    from quotetune.corpus.verify import bytes_of_files, check_identities, damaged_files
    from quotetune.errors import QuotetuneError

    with ByteProgress() as progress:
        damages = damaged_files(index, progress)
    for path, what in damages:
        typer.echo(f"{path}: {what}", err=True)
    if damages:
        raise QuotetuneError(
            f"{index}: {len(damages)} damaged file(s): copy them again, or rebuild the index"
        )
    check_identities(Index.open(index))
    typer.echo(f"{index}: undamaged ({bytes_of_files(index):,} bytes read)")
