"""`quotetune contains`: the documents that contain several texts."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def contains(
    index: Annotated[
        Path,
        typer.Argument(
            metavar="INDEX", help="An index with a suffix index, or a .json list of indexes."
        ),
    ],
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="What to look for.")],
    all: Annotated[
        bool, typer.Option("--all/--any", help="Documents that contain all texts, or any of them.")
    ] = True,
    max_documents: Annotated[int, typer.Option(min=0, help="Documents to list.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the documents that contain all of several texts, wherever they stand in the document.

    The first documents are listed, in the order of the corpus. Texts match as they are, also within
    longer words.
    """
    from quotetune.cli.records import write_record
    from quotetune.corpus.index import Index
    from quotetune.runtime.plural import counted
    from quotetune.runtime.streams import typed_text

    asked = [typed_text(text) for text in texts]
    clauses: list[str] | list[list[str]] = asked if all else [asked]
    found = Index.open(index).containing(*clauses, max_documents=max_documents)
    if json:
        documents = [
            {"source": one.source, "id": one.id, "metadata": one.metadata}
            for one in found.documents
        ]
        write_record(sys.stdout, {"count": found.count, "documents": documents})
        return
    typer.echo(counted(found.count, "document"))
    for one in found.documents:
        typer.echo(f"{one.source}\t{one.id}")
