"""`quotetune compact`: merge the segments and the filters of an index."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import MemoryLimit, Threads, in_bytes


def compact(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="The index.")],
    segment_bytes: Annotated[
        int | None,
        typer.Option(
            help="Bytes of text of the largest segment, less than 2 GiB. Sorting a segment takes "
            "five times as much memory.  [default: 1 GiB]"
        ),
    ] = None,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Merge the segments of an index as far as they fit, and its filters into one."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.change import compact as compact_index

    options = {} if segment_bytes is None else {"segment_bytes": segment_bytes}
    with ByteProgress() as progress:
        compact_index(
            index,
            threads=threads,
            memory_limit=in_bytes(memory_limit),
            progress=progress,
            **options,
        )
    typer.echo(f"{index}: compact", err=True)
