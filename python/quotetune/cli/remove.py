"""`quotetune remove`: remove documents from an index."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import MemoryLimit, Threads, in_bytes


def remove(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="The index.")],
    source: Annotated[str, typer.Option(help="Source of the documents.")],
    ids: Annotated[
        list[str] | None,
        typer.Option(
            "--id", help="Id of a document; can be repeated.  [default: all of the source]"
        ),
    ] = None,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Remove documents from an index: from traces, counts and scores, and from the disk."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.change import remove as remove_documents
    from quotetune.corpus.index import Index
    from quotetune.runtime.plural import counted

    with ByteProgress() as progress:
        removed = remove_documents(
            index,
            source,
            ids or None,
            threads=threads,
            memory_limit=in_bytes(memory_limit),
            progress=progress,
        )
    left = len(Index.open(index))
    typer.echo(f"{index}: {counted(removed, 'document')} removed, {left:,} left", err=True)
