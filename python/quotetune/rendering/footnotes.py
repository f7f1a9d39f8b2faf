"""A response with footnotes: a mark after every quote, and the documents that contain it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, overload

from quotetune.corpus.index import Index
from quotetune.corpus.index_or_path import IndexOrPath, opened
from quotetune.corpus.results import Quote, QuoteSource
from quotetune.errors import UsageError
from quotetune.rendering.fewest_quotes import quotes_to_cite
from quotetune.rendering.markdown import escape
from quotetune.rendering.marks import (
    STYLES,
    MarkStyle,
    character_ends,
    free_prefix,
    is_in_word,
    mark_place,
    mark_text,
)
from quotetune.rendering.wording import document_name, times

_NO_URL = re.compile(r"[\s<>]")  # would end the link, and the rest would be read as Markdown


@dataclass(frozen=True, slots=True)
class Citation:
    """A footnote: a quoted text, its places in the response, and the documents that contain it.

    Attributes:
        number: The number in its marks.
        spans: The quotes `(start, end)` of this text, in characters of the response as given.
        marks: The places of its marks, in characters of the response as given; one per span.
        text: The quoted text as the documents contain it, normalised. If the index folds, the text
            as the first document has it.
        count: Occurrences in the corpus.
        documents: The first documents that contain it, in the order of the corpus.
    """

    number: int
    spans: list[tuple[int, int]]
    marks: list[int]
    text: str
    count: int
    documents: list[QuoteSource]

    def to_dict(self) -> dict[str, Any]:
        """Return the footnote as JSON values."""
        citation = {name: getattr(self, name) for name in self.__slots__}
        keys = ("source", "id", "metadata", "offset")
        documents = [{key: getattr(found, key) for key in keys} for found in self.documents]
        return citation | {"documents": documents}


@dataclass(frozen=True, slots=True)
class CitedResponse:
    """A response with footnote marks.

    Attributes:
        text: The response as given.
        cited: The response with marks; without the marks it is `text`.
        citations: The footnotes, in the order of their first marks. If all quotes are cited, the
            most specific ones come first: fewest occurrences, then longest text.
        style: The form of the marks.
        prefix: Text before the number in a mark; not empty if the response itself has such marks.
    """

    text: str
    cited: str
    citations: list[Citation]
    style: MarkStyle = "markdown"
    prefix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return `cited` and `citations` as JSON values."""
        return {
            "cited": self.cited,
            "citations": [citation.to_dict() for citation in self.citations],
        }

    def __str__(self) -> str:
        """Return the response with its marks, followed by the list of its footnotes."""
        notes = self.footnotes()
        return "\n".join([self.cited, *([""] if notes else []), *notes]) + "\n"

    def footnotes(self) -> list[str]:
        """Return the printed footnotes, one line for each."""
        return [self._note(citation) for citation in self.citations]

    def _note(self, citation: Citation) -> str:
        shown = escape if self.style == "markdown" else str
        names = "; ".join(self._document(document) for document in citation.documents)
        quoted = shown(_with_ellipses(self.text, citation))
        mark = mark_text(citation.number, self.style, self.prefix)
        colon = ":" if self.style == "markdown" else ""
        often = f"{times(citation.count)} in the corpus"
        return f'{mark}{colon} "{quoted}" ({often}): {names or "no document named"}'

    def _document(self, document: QuoteSource) -> str:
        name = document_name(document)
        place = f"character {document.offset:,}"
        url = document.metadata.get("url")
        if self.style == "markdown":
            name = escape(name)
        if not isinstance(url, str) or _NO_URL.search(url):
            return f"{name}, {place}"
        linked = f"[{name}](<{url}>)" if self.style == "markdown" else f"{name} {url}"
        return f"{linked}, {place}"


@overload
def cite(  # type: ignore[overload-overlap]
    text: str,
    index: IndexOrPath,
    min_chars: int | None = None,
    max_documents: int = 10,
    style: MarkStyle = "markdown",
    first_number: int = 1,
    all: bool = False,
) -> CitedResponse: ...


@overload
def cite(
    text: Iterable[str],
    index: IndexOrPath,
    min_chars: int | None = None,
    max_documents: int = 10,
    style: MarkStyle = "markdown",
    first_number: int = 1,
    all: bool = False,
) -> list[CitedResponse]: ...


def cite(
    text: str | Iterable[str],
    index: IndexOrPath,
    min_chars: int | None = None,
    max_documents: int = 10,
    style: MarkStyle = "markdown",
    first_number: int = 1,
    all: bool = False,
) -> CitedResponse | list[CitedResponse]:
    """Put footnote marks after the quotes of a response, and list the documents of each quote.

    The fewest quotes are cited that cover what all quotes of `min_chars` characters cover. A quote
    that overlaps another is cited only if it adds n characters, so the ends of some quotes are left
    out (`rendering.fewest_quotes` has the exact rules). A mark is placed after the last whole word
    of its quote, and never inside a character as a reader sees it (a letter with its accents, an
    emoji of several code points). A text that is quoted twice has one footnote. Numbers follow the
    order of the response. The printed footnotes name the place of the quote in each document: the
    `offset` of `trace`.

    Args:
        text: A response as given, or several.
        index: An index with a suffix index, or its path.
        min_chars: Length of the shortest quote to cite, in characters; by default 40, or the
            index's n if that is longer or `all` is set.
        max_documents: Documents to name per quote; the first ones of the corpus.
        style: `markdown` for marks like `[^1]`, `text` for `[1]`. If the response itself has such
            marks, the letter q is put before the number.
        first_number: Number of the first footnote.
        all: Whether to cite every quote, also where quotes overlap. The footnotes are then listed
            with the most specific ones first, instead of in the order of their marks.

    Returns:
        The response with marks and its footnotes, or a list of them for several texts.

    Raises:
        QuotetuneError: The index has no suffix index, or a text is not valid Unicode.
        UsageError: The style is unknown.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> fox = "The quick brown fox jumps over the lazy dog."
        >>> index = build_index([fox], mkdtemp() + "/index")
        >>> text = "He saw: The quick brown fox jumps over the lazy dogs."
        >>> print(cite(text, index, style="text"), end="")
        He saw: The quick brown fox jumps over the lazy[1] dogs.
        <BLANKLINE>
        [1] "The quick brown fox jumps over the lazy dog…" (once in the corpus): documents/0, \
character 0
    """
    if style not in STYLES:
        raise UsageError(f"the style {style!r} is unknown: choose {' or '.join(STYLES)}")
    texts = [text] if isinstance(text, str) else list(text)
    responses = []
    searched = opened(index)
    found = quotes_to_cite(texts, searched, min_chars, max_documents, all)
    for given, quotes in zip(texts, found, strict=True):
        responses.append(cited_response(given, quotes, style, first_number, searched, all))
        if style == "markdown":  # labels must be unique in the whole Markdown file
            first_number += len(responses[-1].citations)
    return responses[0] if isinstance(text, str) else responses


def cited_response(
    text: str,
    quotes: Sequence[Quote],
    style: MarkStyle = "markdown",
    first_number: int = 1,
    index: Index | None = None,
    specific_first: bool = True,
) -> CitedResponse:
    """Put marks after given quotes of a response.

    Args:
        text: The response.
        quotes: The quotes to cite, as `Index.trace` returns them.
        style: The form of the marks.
        first_number: Number of the first footnote.
        index: The index of the quotes. If it folds, a footnote shows its text as the first document
            has it instead of the folded text.
        specific_first: Whether to list the most specific footnotes first, instead of in the order
            of their marks.

    Returns:
        The response with marks and its footnotes.

    Example:
        >>> cited_response("Rust is a language.", [Quote(0, 9, "Rust is a", 1, [])]).cited
        'Rust is a[^1] language.'
    """
    ends = character_ends(text)
    citations: dict[str, Citation] = {}
    marks: list[tuple[int, int]] = []
    for quote in sorted(quotes, key=lambda quote: (quote.start, quote.end)):
        number = first_number + len(citations)
        citation = citations.get(quote.text)
        if citation is None:
            shown = quote.text if index is None else as_given(quote, index)
            citation = Citation(number, [], [], shown, quote.count, quote.documents)
            citations[quote.text] = citation
        place = mark_place(text, quote.start, quote.end, ends)
        citation.spans.append((quote.start, quote.end))
        citation.marks.append(place)
        marks.append((place, citation.number))
    prefix = free_prefix(text, style)
    pieces = []
    end = 0
    for place, number in sorted(marks):
        pieces += [text[end:place], mark_text(number, style, prefix)]
        end = place
    pieces.append(text[end:])
    ordered = list(citations.values())
    if specific_first:
        ordered.sort(key=lambda note: (note.count, -len(note.text)))
    return CitedResponse(text, "".join(pieces), ordered, style, prefix)


def _with_ellipses(text: str, citation: Citation) -> str:
    """Return a quoted text in one line, with an ellipsis where its words are cut."""
    (start, end), *_ = citation.spans
    words = " ".join(citation.text.split())
    before, after = (is_in_word(text, place) for place in (start, end))
    return f"{'…' * before}{words}{'…' * after}"


def as_given(quote: Quote, index: Index) -> str:
    """Return a quote as the first document has it; an index that does not fold has just that."""
    if index.normalization not in ("fold", "fold-case") or not quote.documents:
        return quote.text
    name = (quote.documents[0].source, quote.documents[0].id)
    span = index.find(*name, quote.text)
    return index.document(*name).text[slice(*span)] if span else quote.text


def cited_documents(text: str, quotes: Sequence[Quote]) -> list[QuoteSource]:
    """Choose documents that together contain all quotes of a response.

    Each quote, from the most specific one on, adds the first document that contains it, unless a
    document that is already chosen contains it.

    Args:
        text: The response.
        quotes: Its quotes, as `Index.trace` returns them.

    Returns:
        The documents, starting with those of the most specific quotes.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["to be or not", "or not to be", "to be"], mkdtemp() + "/i", n=5)
        >>> text = "or not to be, to be"
        >>> [document.id for document in cited_documents(text, index.trace(text))]
        ['1']
    """
    documents: list[QuoteSource] = []
    chosen: set[tuple[str, str]] = set()
    for note in cited_response(text, quotes).citations:
        if note.documents and chosen.isdisjoint((one.source, one.id) for one in note.documents):
            documents.append(note.documents[0])
            chosen.add((note.documents[0].source, note.documents[0].id))
    return documents
