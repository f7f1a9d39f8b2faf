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
            if offset is None and (document := self._document(name)) is not None:
                offset = document.text.find(quote.text)
            if offset is not None and offset >= 0:
                mine[name] = offset
        ordered = list({**mine, **found}.items())[:SHOWN_DOCUMENTS]
        described: list[Any] = [self.number(*name) for name, _ in ordered]
        if ordered:
            name, offset = ordered[0]
            described[0] = [described[0], *self._context(name, offset, len(quote.text))]
        return len(quote.text), quote.count, described

    def _context(self, name: _Name, offset: int, length: int) -> tuple[str, str]:
        document = self._document(name)
        if document is None:
            return "", ""
        text = document.text
        start, end = max(0, offset - _CONTEXT), offset + length
        stop = end + _CONTEXT
        before = ("…" if start else "") + text[start:offset]
        return before, text[end:stop] + ("…" if stop < len(text) else "")

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
