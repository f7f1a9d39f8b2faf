"""`quotetune trace`: the quotes of texts, with the documents that contain them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import AsJsonl, MaxDocuments, MinChars, Records, RecordsOutput


def trace(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="An index with a suffix index.")],
    input: Records = Path("-"),
    text: Annotated[str | None, typer.Option(help="Trace this text instead.")] = None,
    key: Annotated[str, typer.Option(help="Field of the text.")] = "text",
    output: RecordsOutput = None,
    min_chars: MinChars = None,
    max_documents: MaxDocuments = 10,
    json: AsJsonl = False,
) -> None:
    """Find the quotes of texts: maximal verbatim matches, with the documents that contain them.

    Each output record is the input record with quotes. On a terminal, the text is shown with its
    quotes in colour.
    """
    from quotetune.cli.records import read_batches, write_record, written
    from quotetune.corpus.index import Index

    opened = Index.open(index)
    batches = read_batches(input, key, text)
    if output is None and not json and sys.stdout.isatty():
        from rich.console import Console

        from quotetune.cli.highlight import show_quotes

        for _, texts in batches:
            for shown, quotes in zip(
                texts, opened.trace(texts, min_chars, max_documents), strict=True
            ):
                show_quotes(Console(highlight=False), shown, quotes)
        return
    with written(output) as file:
        for records, texts in batches:
            traces = opened.trace(texts, min_chars, max_documents)
            for record, quotes in zip(records, traces, strict=True):
                write_record(file, record | {"quotes": [quote.to_dict() for quote in quotes]})
