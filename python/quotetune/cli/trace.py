"""`quotetune trace`: the quotes of texts, with the documents that contain them."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from quotetune.cli.options import (
    AsJsonl,
    MaxDocuments,
    MinChars,
    Reasoning,
    RecordErrors,
    Records,
    RecordsOutput,
)


def trace(
    index: Annotated[
        Path,
        typer.Argument(
            metavar="INDEX", help="An index with a suffix index, or a .json list of indexes."
        ),
    ],
    input: Records = Path("-"),
    text: Annotated[str | None, typer.Option(help="Trace this text instead.")] = None,
    key: Annotated[str, typer.Option(help="Field of the text.")] = "text",
    output: RecordsOutput = None,
    min_chars: MinChars = None,
    max_documents: MaxDocuments = 10,
    reasoning: Reasoning = None,
    errors: RecordErrors = "strict",
    json: AsJsonl = False,
) -> None:
    """Find the quotes of texts: maximal verbatim matches, with the documents that contain them.

    Each output record is the input record with quotes. On a terminal, the text is shown with its
    quotes in colour.
    """
    from quotetune.cli.records import read_batches, skips, write_record, written
    from quotetune.corpus.answers import quotes_from
    from quotetune.corpus.index import Index

    opened = Index.open(index)
    batches = read_batches(input, key, text, skip=skips(errors), reasoning=reasoning)
    if output is None and not json and sys.stdout.isatty():
        from rich.console import Console

        from quotetune.cli.highlight import show_quotes

        for batch in batches:
            traces = opened.trace([entry.answer for entry in batch], min_chars, max_documents)
            for entry, quotes in zip(batch, traces, strict=True):
                placed = quotes_from(entry.start, quotes)
                show_quotes(Console(highlight=False), entry.text, placed)
        return
    with written(output) as file:
        for batch in batches:
            traces = opened.trace([entry.answer for entry in batch], min_chars, max_documents)
            for entry, quotes in zip(batch, traces, strict=True):
                placed = quotes_from(entry.start, quotes)
                found: dict[str, Any] = {"quotes": [quote.to_dict() for quote in placed]}
                if entry.problem is not None:
                    found = {"quotes": None, "problem": entry.problem}
                write_record(file, entry.record | found)
