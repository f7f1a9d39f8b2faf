"""Held-out responses with their quotes marked: what the report's table of responses shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from quotetune.index import Index
from quotetune.marked import merged_spans
from quotetune.prompts import Prompt
from quotetune.report.run_files import Row
from quotetune.report.sources import SHOWN_DOCUMENTS, Sources
from quotetune.results import QuipReport, Quote

# A part of a marked response: plain text, or a run of quotes that overlap or touch.
_Part = str | dict[str, Any]


@dataclass(frozen=True)
class RowResponses:
    """The responses of a row.

    Attributes:
        row: The row.
        shown: A response a prompt, by the prompt's id: the text and whether it was cut.
        reports: What each quotes, by the prompt's id; empty without an index.
        all_reports: The same of all responses that the row's measures are means of.
    """

    row: Row
    shown: dict[str, tuple[str, bool]]
    reports: dict[str, QuipReport]
    all_reports: list[QuipReport]


def read_responses(row: Row, n: int, index: Index | None) -> RowResponses:
    """Read the responses of a row, and find out what they quote.

    Args:
        row: The row; it has responses.
        n: Of each prompt's responses the first so many are the row's; the first one is shown.
        index: The index of the corpus, if it is there.
    """
    assert row.responses is not None
    samples = _samples(row.responses, n)
    texts = [response for _, response, _ in samples]
    reports = [] if index is None else index.score(texts, max_documents=SHOWN_DOCUMENTS)
    firsts: dict[str, int] = {}
    for number, (prompt_id, _, _) in enumerate(samples):
        firsts.setdefault(prompt_id, number)
    return RowResponses(
        row=row,
        shown={prompt_id: samples[number][1:] for prompt_id, number in firsts.items()},
        reports={prompt_id: reports[number] for prompt_id, number in firsts.items() if reports},
        all_reports=reports,
    )


def _samples(path: Path, n: int) -> list[tuple[str, str, bool]]:
    """Read prompt id, response, and whether it was cut."""
    if path.is_file():
        import pyarrow.parquet as pq

        rows = pq.read_table(path, columns=["prompt_id", "response", "cut"]).to_pylist()
        return [(row["prompt_id"], row["response"], bool(row["cut"])) for row in rows]
    from quotetune.sampling.parts import read_samples

    table = read_samples(path).select(["prompt_id", "sample", "response", "finish_reason"])
    return [
        (row["prompt_id"], row["response"], row["finish_reason"] == "length")
        for row in table.to_pylist()
        if row["sample"] < n
    ]


def browsing_data(
    prompts: Sequence[Prompt], rows: Sequence[RowResponses], index: Index | None
) -> dict[str, Any]:
    """Put together what the page's script shows.

    Args:
        prompts: The held-out prompts.
        rows: The responses to them.
        index: The index of the corpus, if it is there.

    Returns:
        JSON: `rows` (key and label); `levels`, the lengths at which a quote's colour changes;
        `documents` (title, source, id, url); and `prompts`, each with its `responses` in the order
        of `rows`. A marked response is a list of parts: plain text, or `s`, stretches of quoted
        text with their level, and `q`, the quotes in it: text (null if it is the whole part's),
        length, occurrences, and the documents, each a number and its context if it is shown.
    """
    n = 0 if index is None else index.n
    sources = Sources(index)
    return {
        "rows": [{"key": entry.row.key, "label": entry.row.label} for entry in rows],
        "levels": levels(n),
        "prompts": [
            {
                "id": prompt.id,
                "text": prompt_text(prompt),
                "reference": prompt.reference,
                "documents": [sources.number(*name) for name in prompt.documents or ()],
                "responses": [_response(prompt, entry, n, sources) for entry in rows],
            }
            for prompt in prompts
        ],
        "documents": sources.listed,
    }


def levels(n: int) -> list[int]:
    """Return the lengths, in characters, at which a quote gets the next colour.

    Args:
        n: The index's n; 0 if there is no index.

    Example:
        >>> levels(25)
        [25, 38, 63, 100]
    """
    return [n, -(-3 * n // 2), -(-5 * n // 2), 4 * n]


def prompt_text(prompt: Prompt) -> str:
    """Return what a reader is shown of a prompt: its text, or its last message."""
    if prompt.messages is None:
        return prompt.text or ""
    return prompt.messages[-1]["content"]


def _response(
    prompt: Prompt, entry: RowResponses, n: int, sources: Sources
) -> dict[str, Any] | None:
    if prompt.id not in entry.shown:
        return None
    text, cut = entry.shown[prompt.id]
    report = entry.reports.get(prompt.id)
    shown: dict[str, Any] = {"length": len(text), "cut": cut, "parts": [text] if text else []}
    if report is None:
        return shown
    shown |= {"quip": report.quip_25_beta, "longest": report.longest_quote}
    if report.quotes is None:
        shown["parts"] = _covered_parts(text, report.covered)
    else:
        shown["parts"] = _quoted_parts(text, report.quotes, n, prompt, sources)
    return shown


def _covered_parts(text: str, covered: Sequence[tuple[int, int]]) -> list[_Part]:
    """Mark what the filter holds: without a suffix index nobody knows the quotes in it."""
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
    """Cut a run of quotes where one begins or ends.

    Args:
        text: The response.
        quotes: Quotes that overlap or touch.
        n: The index's n.

    Returns:
        Each stretch of text with the level, from 0, of the longest quote that it is part of.

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
