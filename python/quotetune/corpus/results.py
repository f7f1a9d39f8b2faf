"""The answers of an index: documents, quotes and reports."""

from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from quotetune._core import Duplicates, Quote, QuoteSource
from quotetune.runtime.jsonl import parse_json

__all__ = [
    "Document",
    "DocumentsContaining",
    "Duplicates",
    "QuipReport",
    "Quote",
    "QuoteSource",
    "RepeatedText",
    "Repeats",
    "metadata_from_json",
]

ReportTuple: TypeAlias = tuple[int, int, list[Quote] | None, int | None, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a corpus, for an index or from one.

    Attributes:
        source: The collection that it belongs to.
        id: Its name in that collection; no two documents have the same source and id.
        text: The text. An index returns it normalised.
        metadata: Any JSON object: title, url, ...
    """

    source: str
    id: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DocumentsContaining:
    """The documents that contain what was asked for.

    Attributes:
        count: How many there are.
        documents: The first of them, in the order of the corpus.
    """

    count: int
    documents: list[Document]


@dataclass(frozen=True, slots=True)
class RepeatedText:
    """A text that occurs often enough, while with one more character on either side it does not.

    The character more is that of the document in which the text was found.

    Attributes:
        text: The text as the documents have it, normalised.
        chars: Its length in characters.
        count: Occurrences in the corpus, including overlapping ones.
        documents: The first documents of the corpus that contain it.
    """

    text: str
    chars: int
    count: int
    documents: list[QuoteSource]

    def to_dict(self) -> dict[str, Any]:
        """Return the text and its documents as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Repeats:
    """What a corpus contains several times.

    A range is a stretch of a document whose characters are all in texts that repeat.

    Attributes:
        ranges: How many ranges there are.
        chars: The characters of all ranges, normalised.
        documents: The documents that have a range.
        texts: The longest texts that repeat, the longest first.
    """

    ranges: int
    chars: int
    documents: int
    texts: list[RepeatedText]


@dataclass(frozen=True, slots=True)
class QuipReport:
    """QUIP of one text, with its counts and quotes (Weller et al. 2024, section 3).

    Attributes:
        numerator: N-grams of the text that occur in the corpus, duplicates counted.
        denominator: N-grams of the text.
        quip_25_beta: numerator / denominator, or None for a text that is too short. The name is
            the reference service's, and is used for every n.
        too_short: Whether the text, normalised, has fewer than n characters.
        quotes: The quotes of at least n characters, or None without a suffix index.
        longest_quote: Characters of the longest quote, or None without a suffix index.
        covered: Runs `(start, end)` of covered characters of the text as given, disjoint and
            ascending: the union of the quotes, or, without a suffix index, of the n-grams that
            the filter contains.
    """

    numerator: int
    denominator: int
    quip_25_beta: float | None
    too_short: bool
    quotes: list[Quote] | None
    longest_quote: int | None
    covered: list[tuple[int, int]]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def metadata_from_json(metadata: str) -> dict[str, Any]:
    """Read the metadata of a document; most documents have none."""
    return {} if metadata == "{}" else parse_json(metadata)


def report_from_tuple(report: ReportTuple) -> QuipReport:
    """Name the fields of a report that the core returns."""
    numerator, denominator, quotes, longest_quote, covered = report
    return QuipReport(
        numerator=numerator,
        denominator=denominator,
        quip_25_beta=numerator / denominator if denominator else None,
        too_short=denominator == 0,
        quotes=quotes,
        longest_quote=longest_quote,
        covered=covered,
    )
