"""`quotetune cite`: responses with footnotes that name the documents that they quote."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quotetune.cli.options import AllQuotes, MaxDocuments, MinCited, Reasoning, check_format

if TYPE_CHECKING:
    from quotetune.cli.records import Entry
    from quotetune.rendering.marks import MarkStyle


def cite(
    index: Annotated[
        Path,
        typer.Argument(
            metavar="INDEX", help="An index with a suffix index, or a .json list of indexes."
        ),
    ],
    input: Annotated[
        Path,
        typer.Argument(
            metavar="[INPUT]",
            help="A text file with one response, or JSONL with one response per record (.jsonl, or "
            "with --key), or - for standard input.",
        ),
    ] = Path("-"),
    text: Annotated[str | None, typer.Option(help="Cite this text instead.")] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Field of the response in JSONL.  [default for .jsonl: text]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.  [default: standard output]"),
    ] = None,
    min_chars: MinCited = None,
    all: AllQuotes = False,
    max_documents: MaxDocuments = 10,
    reasoning: Reasoning = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="markdown|text|jsonl",
            help="markdown: marks like [^1], and footnotes. text: marks like [1], and a list. "
            "jsonl: the record with cited and citations.  [default: jsonl if the input is JSONL, "
            "else markdown]",
        ),
    ] = None,
) -> None:
    """Mark the quotes of responses with footnotes, and list the documents that contain them.

    The fewest quotes are marked that cover what all quotes cover. One that overlaps another is
    marked only if it adds n characters. Apart from the marks, the response does not change.
    """
    from quotetune.cli.records import write_record, written
    from quotetune.corpus.answers import quotes_from
    from quotetune.corpus.index import Index
    from quotetune.corpus.records import format_of
    from quotetune.rendering.fewest_quotes import quotes_to_cite
    from quotetune.rendering.footnotes import cited_response

    is_jsonl = key is not None or format_of(input) in ("jsonl", "parquet")
    if format is None:
        format = "jsonl" if is_jsonl else "markdown"
    check_format(format, ("markdown", "text", "jsonl"))
    style: MarkStyle = "text" if format == "text" else "markdown"
    opened = Index.open(index)
    batches = _batches(input, text, key, is_jsonl, reasoning)
    with written(output) as file:
        number, between = 1, ""
        for batch in batches:
            answers = [entry.answer for entry in batch]
            found = quotes_to_cite(answers, opened, min_chars, max_documents, all)
            for entry, of_answer in zip(batch, found, strict=True):
                quotes = quotes_from(entry.start, of_answer)
                cited = cited_response(
                    entry.text, quotes, style, number, index=opened, specific_first=all
                )
                if format == "jsonl":
                    write_record(file, entry.record | cited.to_dict())
                    continue
                file.write(between + str(cited))
                between = "\n---\n\n"
                if style == "markdown":  # labels must be unique in the whole file
                    number += len(cited.citations)


def _batches(
    input: Path,
    text: str | None,
    key: str | None,
    is_jsonl: bool,
    reasoning: tuple[str, str] | None,
) -> "Iterator[list[Entry]]":
    from quotetune.cli.records import read_batches
    from quotetune.corpus.formats import STDIN
    from quotetune.corpus.records import read_whole_text

    if text is None and not is_jsonl:
        remedy = "give a text file, JSONL, - or --text"
        input, text = STDIN, read_whole_text(input, remedy).removesuffix("\n")
    yield from read_batches(input, key or "text", text, reasoning=reasoning)
