"""`quotetune add`: more documents for an index."""

from pathlib import Path
from typing import Annotated, Any

import typer

from quotetune.cli.reading import (
    Errors,
    IdKey,
    Inputs,
    MemoryLimit,
    MetaKeys,
    Source,
    SourceKey,
    TextKey,
    Threads,
    in_bytes,
    listed,
)


def add(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="The index to add to.")],
    inputs: Inputs,
    text_key: TextKey = "text",
    id_key: IdKey = None,
    source_key: SourceKey = None,
    source: Source = None,
    meta_keys: MetaKeys = "",
    errors: Errors = "strict",
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Add documents to an index; they appear when all are in."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.inputs import expand_inputs
    from quotetune.live import add as add_documents

    options: dict[str, Any] = {"meta_keys": listed(meta_keys), "errors": errors}
    with ByteProgress() as progress:
        opened = add_documents(
            index,
            expand_inputs(inputs),
            text_key=text_key,
            id_key=id_key,
            source=source,
            source_key=source_key,
            threads=threads,
            memory_limit=in_bytes(memory_limit),
            progress=progress,
            **options,
        )
    typer.echo(f"{index}: {len(opened):,} documents", err=True)
