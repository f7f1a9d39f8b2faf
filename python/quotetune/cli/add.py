"""`quotetune add`: add documents to an index."""

from pathlib import Path
from typing import Annotated, Any

import typer

from quotetune.cli.options import (
    Duplicates,
    Errors,
    Format,
    Inputs,
    MemoryLimit,
    Root,
    Source,
    Threads,
    in_bytes,
    listed,
    paths,
)

_AS_BUILT = "  [default: as the index was built]"


def add(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="The index to add to.")],
    inputs: Inputs,
    text_key: Annotated[str | None, typer.Option(help="Field of the text." + _AS_BUILT)] = None,
    id_key: Annotated[
        str | None, typer.Option(help="Field of the id, in every record." + _AS_BUILT)
    ] = None,
    source_key: Annotated[
        str | None, typer.Option(help="Field of the source, in every record." + _AS_BUILT)
    ] = None,
    source: Source = None,
    meta_keys: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help='Fields to keep and to show with quotes, or "" for none.' + _AS_BUILT,
        ),
    ] = None,
    errors: Errors = "strict",
    format: Format = None,
    root: Root = None,
    duplicates: Duplicates = "error",
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
) -> None:
    """Add documents to an index. The index changes in one step, when all of them are added."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.change import add as add_documents
    from quotetune.runtime.plural import counted

    metadata = None if meta_keys is None else listed(meta_keys)
    options: dict[str, Any] = {
        "meta_keys": metadata,
        "errors": errors,
        "format": format,
        "root": root,
        "duplicates": duplicates,
    }
    with ByteProgress() as progress:
        opened = add_documents(
            index,
            paths(inputs),
            text_key=text_key,
            id_key=id_key,
            source=source,
            source_key=source_key,
            threads=threads,
            memory_limit=in_bytes(memory_limit),
            progress=progress,
            **options,
        )
    typer.echo(f"{index}: {counted(len(opened), 'document')}", err=True)
