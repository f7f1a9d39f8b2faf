"""`quotetune score`: QUIP of texts, and what it rests on."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def score(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="An index.")],
    input: Annotated[
        Path, typer.Argument(metavar="[INPUT]", help="JSONL, one text a record; - for stdin.")
    ] = Path("-"),
    text: Annotated[str | None, typer.Option(help="Score this text instead.")] = None,
    key: Annotated[str, typer.Option(help="Field of the text.")] = "text",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="JSONL file to write.  [default: standard output]"),
    ] = None,
    max_documents: Annotated[int, typer.Option(help="Documents to name a quote.")] = 10,
    exact: Annotated[
        bool, typer.Option("--exact", help="Ask the suffix index, not the Bloom filter.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="JSONL on a terminal, too.")] = False,
) -> None:
    """Score texts: the share of their n-grams that stand in the corpus, and their quotes.

    Each output record is the input record with numerator, denominator, quip_25_beta, too_short,
    quotes, longest_quote and covered. A terminal gets the text with its quotes in colour.
    """
    from quotetune.cli.records import read_batches, write_record, written
    from quotetune.index import Index

    opened = Index.open(index)
    batches = read_batches(input, key, text)
    if output is None and not json and sys.stdout.isatty():
        from rich.console import Console

        from quotetune.cli.highlight import show_report

        for _, texts in batches:
            for shown, report in zip(texts, opened.score(texts, max_documents, exact), strict=True):
                show_report(Console(highlight=False), shown, report)
        return
    with written(output) as file:
        for records, texts in batches:
            reports = opened.score(texts, max_documents, exact)
            for record, report in zip(records, reports, strict=True):
                write_record(file, record | report.to_dict())
