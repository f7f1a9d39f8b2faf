"""Held-out responses with their quotes marked, for the report's table of responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote
from quotetune.pages.quote_levels import levels
from quotetune.prompts.prompt import Prompt
from quotetune.rendering.marked import merged_spans
from quotetune.report.run_files import ResultRow
from quotetune.report.sources import SHOWN_DOCUMENTS, Sources

# Part of a marked response: plain text, or a run of quotes that overlap or touch.
_Part = str | dict[str, Any]
_COLUMNS = ("prompt_id", "response", "cut", "quip", "longest_quote")


@dataclass(frozen=True)
class RowResponses:
    """The responses of a row, with their measures.

    Attributes:
        row: The row.
        shown: One response per prompt, by the prompt's id, as a row of `responses.parquet`.
        quotes: The quotes of each of these; empty without a suffix index.
        covered: The spans of each of these whose n-grams the filter reports, if there is only a
            filter.
        per_prompt: How many responses to each prompt the row has.
    """

    row: ResultRow
    shown: dict[str, dict[str, Any]]
    quotes: dict[str, list[Quote]]
    covered: dict[str, list[tuple[int, int]]]
    per_prompt: int


def read_responses(path: Path, row: ResultRow, index: Index | None) -> RowResponses:
    """Read a response of a row to each prompt, and find the sources of its quotes.

    Args:
        path: The file of its responses, which docs/metrics.md describes.
        row: The row.
        index: The index of the corpus, if it exists.
    """
    import pyarrow.parquet as pq

    # `pq.read_table` would import pandas, which takes longer than the whole report.
    rows = pq.ParquetFile(path).read(columns=list(_COLUMNS)).to_pylist()
    shown: dict[str, dict[str, Any]] = {}
    for response in rows:
        shown.setdefault(response["prompt_id"], response)
    texts = [response["response"] for response in shown.values()]
    quotes: dict[str, list[Quote]] = {}
    covered: dict[str, list[tuple[int, int]]] = {}
    if index is not None and index.has_suffix_index:
        traces = index.trace(texts, max_documents=SHOWN_DOCUMENTS)
        quotes = dict(zip(shown, traces, strict=True))
    elif index is not None:
        reports = index.score(texts, max_documents=0)
        covered = {id: report.covered for id, report in zip(shown, reports, strict=True)}
    return RowResponses(
        row=row,
        shown=shown,
        quotes=quotes,
        covered=covered,
        per_prompt=len(rows) // len(shown),
    )


def browsing_data(
    prompts: Sequence[Prompt], rows: Sequence[RowResponses], index: Index | None
) -> dict[str, Any]:
    """Gather the data that the page's script shows.

    Args:
        prompts: The held-out prompts.
        rows: The responses to them.
        index: The index of the corpus, if it exists.

    Returns:
        JSON: `rows` (key and label); `levels`, the lengths at which a quote's colour changes;
        `documents` (title, source, id, url); and `prompts`, each with its `responses` in the order
        of `rows`. A marked response is a list of parts. A part is plain text, or an object with
        `s`, stretches of quoted text with their level, and `q`, the quotes in it. A quote is its
        text (null if it is the text of the whole part), its length, its occurrences, and its
        documents. A document is a number, with the context of the quote if that is shown.
    """
    n = 0 if index is None else index.n
    sources = Sources(index)
    return {
        "rows": [{"key": entry.row.key, "label": entry.row.label} for entry in rows],
        "levels": levels(n),
        "prompts": [
            {
                "id": prompt.id,
                "text": prompt.last_message,
                "reference": prompt.reference,
                "documents": [sources.number(*name) for name in prompt.documents or ()],
                "responses": [_response(prompt, entry, n, sources) for entry in rows],
            }
            for prompt in prompts
        ],
        "documents": sources.listed,
    }


def _response(
    prompt: Prompt, entry: RowResponses, n: int, sources: Sources
) -> dict[str, Any] | None:
    response = entry.shown.get(prompt.id)
    if response is None:
        return None
    text = response["response"]
    if prompt.id in entry.quotes:
        parts = _quoted_parts(text, entry.quotes[prompt.id], n, prompt, sources)
    else:
        parts = _covered_parts(text, entry.covered.get(prompt.id, ()))
    return {
        "length": len(text),
        "cut": bool(response["cut"]),
        "parts": parts,
        "quip": response["quip"],
        "longest": response["longest_quote"],
    }


def _covered_parts(text: str, covered: Sequence[tuple[int, int]]) -> list[_Part]:
    """Mark the spans that the filter reports; without a suffix index their quotes are not known."""
    parts: list[_Part] = []
    done = 0
    for start, end in covered:
        parts += [text[done:start], {"s": [[text[start:end], 0]], "q": []}]
        done = end
    return [part for part in [*parts, text[done:]] if part]


def _quoted_parts(
    text: str, quotes: Sequence[Quote], n: int, prompt: Prompt, sources: Sources
) -> list[_Part]:
    parts: list[_Part] = []
    done = 0
    for start, end in merged_spans(quotes):
        inside = [quote for quote in quotes if start <= quote.start < end]
        described = [
            [None if len(inside) == 1 else quote.text, *sources.describe(quote, prompt.documents)]
            for quote in inside
        ]
        parts += [text[done:start], {"s": stretches(text, inside, n), "q": described}]
        done = end
    return [part for part in [*parts, text[done:]] if part]


def stretches(text: str, quotes: Sequence[Quote], n: int) -> list[tuple[str, int]]:
    """Cut a run of quotes wherever one starts or ends.

    Args:
        text: The response.
        quotes: Quotes that overlap or touch.
        n: The index's n.

    Returns:
        Each stretch of text, with the level (from 0) of the longest quote that it is part of.

    Example:
        >>> quotes = [Quote(0, 4, "abcd", 1, []), Quote(3, 9, "defghi", 1, [])]
        >>> stretches("abcdefghi", quotes, 4)
        [('abc', 0), ('defghi', 1)]
    """
    bounds = sorted({bound for quote in quotes for bound in (quote.start, quote.end)})
    cut: list[tuple[str, int]] = []
    for start, end in pairwise(bounds):
        length = max(len(q.text) for q in quotes if q.start <= start and end <= q.end)
        level = sum(length >= least for least in levels(n)[1:])
        if cut and cut[-1][1] == level:
            cut[-1] = (cut[-1][0] + text[start:end], level)
        else:
            cut.append((text[start:end], level))
    return cut
