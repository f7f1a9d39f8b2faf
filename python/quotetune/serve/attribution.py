"""`POST /{index}/attribution` of AI2's service behind OLMoTrace.

Its positions are those of tokens. Here a token is a word or another character, with the white space
before it. Lengths and offsets in documents are in characters.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import regex

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote, QuoteSource
from quotetune.serve.answers import check_named, shortest
from quotetune.serve.filters import in_whole_words, most_rare, rarity
from quotetune.serve.refusal import Refusal
from quotetune.serve.requests import (
    BY_LENGTH,
    BY_RARITY,
    MOST_DOCUMENTS,
    MOST_SNIPPET_CHARS,
    AttributionRequest,
)
from quotetune.serve.snippets import Snippets

_TOKEN = regex.compile(r"\s*(?:[\w\p{M}]+|\S)|\s+$")


def attribution(name: str, index: Index, request: AttributionRequest) -> dict[str, Any]:
    """Answer with the spans of a response that occur in the corpus, and with their documents.

    Args:
        name: The name of the index.
        index: The index.
        request: The request.

    Raises:
        Refusal: It has token ids, or an unknown way of ranking.
    """
    text = request.response
    if not isinstance(text, str):
        raise Refusal(422, "response: token ids: there are no tokens here: send the text")
    if request.span_ranking_method not in (BY_LENGTH, BY_RARITY):
        raise Refusal(422, f"spanRankingMethod: unknown: choose {BY_LENGTH} or {BY_RARITY}")
    tokens = _Tokens(text)
    quotes = [
        quote
        for quote in _quotes(index, text, request)
        if quote.count <= request.maximum_frequency
        and tokens.of(quote)[1] - tokens.of(quote)[0] >= request.minimum_span_length
    ]
    rank = rarity(index, quotes)
    by_length = request.span_ranking_method == BY_LENGTH
    shown = most_rare(
        quotes,
        (lambda quote: (float(quote.start - quote.end), quote.start)) if by_length else rank,
        math.ceil(request.maximum_span_density * len(tokens.spans)),
    )
    check_named(shown, 0)
    documents = _Documents(index, request)
    return {
        "index": name,
        "spans": [
            {
                "left": left,
                "right": right,
                "length": right - left,
                "count": quote.count,
                "unigramLogprobSum": rank(quote)[0],
                "text": text[quote.start : quote.end],
                "tokenIds": [],
                "documents": [documents.shown(quote, found) for found in quote.documents],
            }
            for quote in shown
            for left, right in [tokens.of(quote)]
        ],
        "inputTokens": [text[slice(*span)] for span in tokens.spans],
    }


def _quotes(index: Index, text: str, request: AttributionRequest) -> list[Quote]:
    pieces = list(_pieces(text, request.delimiters))
    min_chars = shortest(index, None)
    most = min(request.maximum_documents_per_span, MOST_DOCUMENTS)
    texts = [text[start:end] for start, end in pieces]
    found = index.trace(texts, min_chars, most)
    if not request.allow_spans_with_partial_words:
        found = in_whole_words(index, texts, found, min_chars, most)
    return [
        replace(quote, start=quote.start + start, end=quote.end + start)
        for (start, _), quotes in zip(pieces, found, strict=True)
        for quote in quotes
    ]


def _pieces(text: str, delimiters: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of a text between delimiters."""
    named = [regex.escape(delimiter) for delimiter in delimiters if delimiter]
    start = 0
    if named:
        for match in regex.finditer("|".join(named), text):
            yield start, match.start()
            start = match.end()
    yield start, len(text)


class _Tokens:
    """The tokens of a response."""

    def __init__(self, text: str) -> None:
        self.spans = [match.span() for match in _TOKEN.finditer(text)]
        self._starts = [start for start, _ in self.spans]
        self._ends = [end for _, end in self.spans]

    def of(self, quote: Quote) -> tuple[int, int]:
        """Return the first token of which a quote has a part, and the one after the last."""
        return bisect_right(self._ends, quote.start), bisect_left(self._starts, quote.end)


class _Documents:
    """Documents of an answer, with a number for each."""

    def __init__(self, index: Index, request: AttributionRequest) -> None:
        self._snippets = Snippets(index)
        self._numbers: dict[tuple[str, str], int] = {}
        self._contexts = [
            min(chars, MOST_SNIPPET_CHARS)
            for chars in (
                request.maximum_context_length,
                request.maximum_context_length_long,
                request.maximum_context_length_snippet,
            )
        ]

    def shown(self, quote: Quote, document: QuoteSource) -> dict[str, Any]:
        name = (document.source, document.id)
        number = self._numbers.setdefault(name, len(self._numbers))
        (text, offset), (long, long_offset), (short, short_offset) = [
            self._cut(quote, document, chars) for chars in self._contexts
        ]
        return {
            "documentIndex": number,
            "documentLength": self._snippets.length(document),
            "displayLength": len(text),
            "needleOffset": offset,
            "metadata": {**document.metadata, "source": document.source, "id": document.id},
            "tokenIds": [],
            "text": text,
            "blocked": False,
            "displayLengthLong": len(long),
            "needleOffsetLong": long_offset,
            "textLong": long,
            "displayOffsetSnippet": len(short),
            "needleOffsetSnippet": short_offset,
            "textSnippet": short,
        }

    def _cut(self, quote: Quote, document: QuoteSource, chars: int) -> tuple[str, int]:
        before, inside, after = self._snippets.around(quote, document, chars)
        return before + inside + after, len(before)
