"""`quotetune verify`: check the files of an index for damage."""

from pathlib import Path
from typing import Annotated

import typer


def verify(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="An index.")],
) -> None:
    """Read every file of an index and compare its checksum. The exit status is 1 on damage."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.index import Index
    from quotetune.corpus.manifest import read_manifest, size_in_bytes
    from quotetune.corpus.verify import damaged_files
    from quotetune.errors import QuotetuneError

    with ByteProgress() as progress:
        damages = damaged_files(index, progress)
    for path, what in damages:
        typer.echo(f"{path}: {what}", err=True)
    if damages:
        raise QuotetuneError(
            f"{index}: {len(damages)} damaged file(s): copy them again, or rebuild the index"
        )
    Index.open(index)
    size = size_in_bytes(read_manifest(index))
    typer.echo(f"{index}: undamaged ({size:,} bytes read)")
