"""`quotetune merge`: merge several indexes into one."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import MemoryLimit, NewIndex, Overwrite, Threads, in_bytes


def merge(
    indexes: Annotated[
        list[Path],
        typer.Argument(
            metavar="INDEX...",
            help="Indexes, or .json lists of indexes, in the order of their documents.",
        ),
    ],
    output: NewIndex,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
    overwrite: Overwrite = False,
) -> None:
    """Merge several indexes, such as shards, into a new one. They stay as they are."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.change import merge as merge_indexes
    from quotetune.runtime.plural import counted

    with ByteProgress() as progress:
        merged = merge_indexes(
            indexes,
            output,
            threads=threads,
            memory_limit=in_bytes(memory_limit),
            overwrite=overwrite,
            progress=progress,
        )
    typer.echo(f"{output}: {counted(len(merged), 'document')}", err=True)
