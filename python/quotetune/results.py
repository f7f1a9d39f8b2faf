"""What an index answers with: documents, quotes and reports."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

QuoteTuple: TypeAlias = tuple[int, int, str, int, list[tuple[str, str, str, int]]]
ReportTuple: TypeAlias = tuple[int, int, list[QuoteTuple] | None, int | None, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a corpus, on its way into an index or out of it.

    Attributes:
        source: The collection it belongs to.
        id: Its name in that collection; no two documents share source and id.
        text: The text; out of an index, as normalised.
        metadata: Whatever JSON can hold: title, url, ...
    """

    source: str
    id: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


# Traces of many texts make hundreds of thousands of these: frozen ones take four times as long.
@dataclass(slots=True)
class QuoteSource:
    """A document that a quote stands in.

    Attributes:
        source: The document's source.
        id: The document's id.
        metadata: The document's metadata.
        offset: Characters of the document's text before the first occurrence.
    """

    source: str
    id: str
    metadata: dict[str, Any]
    offset: int


@dataclass(slots=True)
class Quote:
    """A maximal verbatim span: one more character on either side stands in no document.

    Attributes:
        start: First character in the text as given.
        end: One past the last character in the text as given; a run of white space that
            normalisation collapsed belongs to the quote whole.
        text: The quoted text as it stands in the documents, normalised.
        count: Occurrences in the corpus, overlapping ones counted.
        documents: The first documents that hold it, in the order of the corpus, each once.
    """

    start: int
    end: int
    text: str
    count: int
    documents: list[QuoteSource]

    def to_dict(self) -> dict[str, Any]:
        """Give the quote as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class QuipReport:
    """QUIP of one text and what it rests on (Weller et al. 2024, section 3).

    Attributes:
        numerator: N-grams of the text that stand in the corpus, duplicates counted.
        denominator: N-grams of the text.
        quip_25_beta: numerator / denominator, or None for a text that is too short. The name is
            the reference service's; it stands for other n as well.
        too_short: Whether the text, normalised, has fewer than n characters.
        quotes: Maximal spans of at least n characters, or None without a suffix index.
        longest_quote: Characters of the longest quote, or None without a suffix index.
        covered: Runs `(start, end)` of covered characters of the text as given, disjoint and
            ascending: the union of the quotes, or, without a suffix index, of the n-grams that
            the filter holds.
    """

    numerator: int
    denominator: int
    quip_25_beta: float | None
    too_short: bool
    quotes: list[Quote] | None
    longest_quote: int | None
    covered: list[tuple[int, int]]

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON can hold it."""
        return asdict(self)


def metadata_from_json(metadata: str) -> dict[str, Any]:
    """Read the metadata of a document; most have none."""
    return {} if metadata == "{}" else json.loads(metadata)


def quote_from_tuple(quote: QuoteTuple) -> Quote:
    """Name the fields of a quote from the core."""
    start, end, text, count, documents = quote
    sources = [
        QuoteSource(source, id, metadata_from_json(metadata), offset)
        for source, id, metadata, offset in documents
    ]
    return Quote(start, end, text, count, sources)


def report_from_tuple(report: ReportTuple) -> QuipReport:
    """Name the fields of a report from the core."""
    numerator, denominator, quotes, longest_quote, covered = report
    return QuipReport(
        numerator=numerator,
        denominator=denominator,
        quip_25_beta=numerator / denominator if denominator else None,
        too_short=denominator == 0,
        quotes=None if quotes is None else [quote_from_tuple(quote) for quote in quotes],
        longest_quote=longest_quote,
        covered=covered,
    )
