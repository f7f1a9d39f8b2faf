"""`quotetune cite`: responses with footnotes that name the documents that they quote."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quotetune.cli.options import AllQuotes, MaxDocuments, MinCited, check_format

if TYPE_CHECKING:
    from quotetune.cli.records import Entry
    from quotetune.rendering.marks import MarkStyle


def cite(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="An index with a suffix index.")],
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
    from quotetune.corpus.index import Index
    from quotetune.corpus.records import format_of

    is_jsonl = key is not None or format_of(input) in ("jsonl", "parquet")
    if format is None:
        format = "jsonl" if is_jsonl else "markdown"
    check_format(format, ("markdown", "text", "jsonl"))
    style: MarkStyle = "text" if format == "text" else "markdown"
    opened = Index.open(index)
    batches = _batches(input, text, key, is_jsonl)
    with written(output) as file:
        from quotetune.rendering.fewest_quotes import quotes_to_cite
        from quotetune.rendering.footnotes import cite as cite_responses
        from quotetune.rendering.footnotes import cited_response

        number, between = 1, ""
        for batch in batches:
            texts = [entry.text for entry in batch]
            if format == "jsonl":  # the numbers of each record start at 1
                found = quotes_to_cite(texts, opened, min_chars, max_documents, all)
                for entry, quotes in zip(batch, found, strict=True):
                    cited = cited_response(entry.text, quotes, index=opened, specific_first=all)
                    write_record(file, entry.record | cited.to_dict())
                continue
            responses = cite_responses(texts, opened, min_chars, max_documents, style, number, all)
            for response in responses:
                file.write(between + str(response))
                between = "\n---\n\n"
            if style == "markdown":  # labels must be unique in the whole file
                number += sum(len(response.citations) for response in responses)


def _batches(
    input: Path, text: str | None, key: str | None, is_jsonl: bool
) -> "Iterator[list[Entry]]":
    from quotetune.cli.records import Entry, read_batches
    from quotetune.corpus.records import read_whole_text

    if text is not None or is_jsonl:
        yield from read_batches(input, key or "text", text)
        return
    response = read_whole_text(input).removesuffix("\n")
    yield [Entry({"text": response}, response)]
