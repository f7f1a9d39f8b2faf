"""`quotetune score`: the QUIP of texts, with its counts and quotes."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from quotetune.cli.options import (
    AsJsonl,
    MaxDocuments,
    Reasoning,
    RecordErrors,
    Records,
    RecordsOutput,
    check_format,
)

if TYPE_CHECKING:
    from quotetune.corpus.index import Index

_FORMAT_HELP = (
    "records: each input record with the fields above, one per line. quip-json: one list, in the "
    "format of the reference service's POST /quip. In it, doc is the normalised text, segments are "
    "its n-grams, and is_member says for each whether it occurs in the corpus. chains are the "
    "maximal runs of n-grams that do, longest first, and chain_idxs their positions. longest_chain "
    "is the number of n-grams in the longest run, expected_longest the number of n-grams divided "
    "by n, and badness longest_chain / expected_longest. quip_report is the score."
)


def score(
    index: Annotated[
        Path, typer.Argument(metavar="INDEX", help="An index, or a .json list of indexes.")
    ],
    input: Records = Path("-"),
    text: Annotated[str | None, typer.Option(help="Score this text instead.")] = None,
    key: Annotated[str, typer.Option(help="Field of the text.")] = "text",
    output: RecordsOutput = None,
    max_documents: MaxDocuments = 10,
    exact: Annotated[
        bool, typer.Option("--exact", help="Ask the suffix index instead of the filter.")
    ] = False,
    reasoning: Reasoning = None,
    errors: RecordErrors = "strict",
    json: AsJsonl = False,
    format: Annotated[
        str, typer.Option(metavar="records|quip-json", help=_FORMAT_HELP)
    ] = "records",
) -> None:
    """Score texts: the share of their n-grams that occur in the corpus, and their quotes.

    Each output record is the input record with numerator, denominator, quip_25_beta, too_short,
    quotes, longest_quote and covered. quip_25_beta is the QUIP, numerator / denominator, under the
    name that the reference service gives it. On a terminal, the text is shown with its quotes in
    colour.
    """
    from quotetune.cli.records import read_batches, skips, write_record, written
    from quotetune.corpus.answers import report_from
    from quotetune.corpus.index import Index
    from quotetune.errors import UsageError

    check_format(format, ("records", "quip-json"))
    opened = Index.open(index)
    batches = read_batches(input, key, text, skip=skips(errors), reasoning=reasoning)
    if format == "quip-json":
        if skips(errors):
            raise UsageError("--errors skip with quip-json, which has no null: choose records")
        with written(output) as file:
            _write_responses(
                file, opened, ([entry.answer for entry in batch] for batch in batches), exact
            )
        return
    if output is None and not json and sys.stdout.isatty():
        from rich.console import Console

        from quotetune.cli.highlight import show_report

        for batch in batches:
            reports = opened.score([entry.answer for entry in batch], max_documents, exact)
            for entry, report in zip(batch, reports, strict=True):
                shown = report_from(entry.start, report)
                show_report(Console(highlight=False), entry.text, shown)
        return
    with written(output) as file:
        for batch in batches:
            reports = opened.score([entry.answer for entry in batch], max_documents, exact)
            for entry, report in zip(batch, reports, strict=True):
                found = report_from(entry.start, report).to_dict()
                if entry.problem is not None:
                    found = {**dict.fromkeys(found), "problem": entry.problem}
                write_record(file, entry.record | found)


def _write_responses(
    file: TextIO, index: "Index", batches: Iterable[list[str]], exact: bool
) -> None:
    """Write a JSON list, with one response per line."""
    import json

    from quotetune.rendering.quip_service import service_response

    idx = 0
    file.write("[")
    for texts in batches:
        for doc, hits in index.windows(texts, exact):
            response = service_response(idx, doc, hits.tolist(), index.n)
            file.write(",\n" if idx else "\n")
            file.write(json.dumps(response, ensure_ascii=False))
            idx += 1
    file.write("\n]\n")
