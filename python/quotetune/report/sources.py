"""The documents that contain quotes, each listed once, and the context of the quotes."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from quotetune.corpus.index import Index
from quotetune.corpus.results import Document, Quote
from quotetune.errors import QuotetuneError

SHOWN_DOCUMENTS = 3
_CONTEXT = 60  # characters on either side of a quote in its document
_KEPT_DOCUMENTS = 1000  # texts in memory
_Name = tuple[str, str]


class Sources:
    """Numbers for documents, in the order in which quotes name them, and the context of quotes.

    Args:
        index: The index of the corpus; without one, only the names of documents are known.

    Attributes:
        listed: Title, source, id and address of every document that has a number, in the order of
            the numbers. A title or an address that the metadata lacks is None.
    """

    def __init__(self, index: Index | None) -> None:
        self._index = index
        self._numbers: dict[_Name, int] = {}
        self._documents: OrderedDict[_Name, Document | None] = OrderedDict()
        self.listed: list[tuple[str | None, str, str, str | None]] = []

    def number(self, source: str, id: str) -> int:
        """Return a document's number in `listed`."""
        name = (source, id)
        if name not in self._numbers:
            document = self._document(name)
            metadata = document.metadata if document else {}
            self._numbers[name] = len(self.listed)
            self.listed.append((_text(metadata, "title"), source, id, _text(metadata, "url")))
        return self._numbers[name]

    def describe(self, quote: Quote, own: Sequence[_Name] | None) -> tuple[int, int, list[Any]]:
        """Describe where a quote occurs.

        Args:
            quote: The quote, with the first documents that contain it.
            own: The documents that belong to the prompt. Those that contain the quote are named
                first, even if they are not among the quote's documents.

        Returns:
            Its length, its occurrences in the corpus, and its documents. The first document is a
            number with the text before and after the quote; the others are numbers.
        """
        found = {(document.source, document.id): document.offset for document in quote.documents}
        mine: dict[_Name, int] = {}
        for name in own or ():
            offset = found.get(name)
            if offset is None and (span := self._find(name, quote)) is not None:
                offset, _ = span
            if offset is not None:
                mine[name] = offset
        ordered = list({**mine, **found}.items())[:SHOWN_DOCUMENTS]
        described: list[Any] = [self.number(*name) for name, _ in ordered]
        if ordered:
            described[0] = [described[0], *self._context(ordered[0][0], quote)]
        return len(quote.text), quote.count, described

    def _context(self, name: _Name, quote: Quote) -> tuple[str, str]:
        document, span = self._document(name), self._find(name, quote)
        if document is None or span is None:
            return "", ""
        text = document.text
        start, stop = max(0, span[0] - _CONTEXT), span[1] + _CONTEXT
        before = ("…" if start else "") + text[start : span[0]]
        return before, text[span[1] : stop] + ("…" if stop < len(text) else "")

    def _find(self, name: _Name, quote: Quote) -> tuple[int, int] | None:
        """Find a quote in a document; None if the index does not have the document either."""
        if self._index is None or self._document(name) is None:
            return None
        return self._index.find(*name, quote.text)

    def _document(self, name: _Name) -> Document | None:
        """Read a document; None if the index does not have it."""
        if name in self._documents:
            self._documents.move_to_end(name)
            return self._documents[name]
        try:
            document = None if self._index is None else self._index.document(*name)
        except QuotetuneError:
            # A prompt may name a document that is not in the corpus, and a filter keeps no text.
            document = None
        self._documents[name] = document
        if len(self._documents) > _KEPT_DOCUMENTS:
            self._documents.popitem(last=False)
        return document


def _text(metadata: dict[str, Any], key: str) -> str | None:
    value = metadata.get(key)
    return value if isinstance(value, str) and value else None
