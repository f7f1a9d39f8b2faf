"""The text of documents around their quotes."""

from collections.abc import Iterator
from typing import Any

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote, QuoteSource

# Documents that are kept for the next quote; a document can be a whole book.
_MOST_KEPT = 1 << 24
# Occurrences in one document. Boilerplate can occur thousands of times in a book.
_MOST_OCCURRENCES = 10


class Snippets:
    """Cuts pieces from documents, and keeps the documents of one request.

    Args:
        index: The index of the documents.

    Attributes:
        given: How many snippets `all_around` has given.
    """

    def __init__(self, index: Index) -> None:
        self.given = 0
        self._index = index
        self._texts: dict[tuple[str, str], str] = {}
        self._folds = index.normalization in ("fold", "fold-case")

    def around(self, quote: Quote, document: QuoteSource, chars: int) -> tuple[str, str, str]:
        """Return the text before a quote, the quote as the document has it, and the text after.

        Args:
            quote: The quote.
            document: One of its documents.
            chars: Characters before and after.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["The quick brown fox jumps over."], mkdtemp() + "/i", n=5)
            >>> [quote] = index.trace("brown fox")
            >>> Snippets(index).around(quote, quote.documents[0], 6)
            ('quick ', 'brown fox', ' jumps')
        """
        start, end = self._first(quote, document)
        return self._cut(document, start, end, chars)

    def all_around(
        self, quote: Quote, document: QuoteSource, chars: int
    ) -> Iterator[dict[str, Any]]:
        """Yield the snippets of the first occurrences of a quote in a document, in order.

        An index that folds only finds the first one, because the others can be written in another
        way in the text that it keeps.

        Args:
            quote: The quote.
            document: One of its documents.
            chars: Characters before and after.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana"], mkdtemp() + "/i", n=3)
            >>> [quote] = index.trace("bandana")[1:]
            >>> [
            ...     (snippet["offset"], snippet["before"], snippet["quote"], snippet["after"])
            ...     for snippet in Snippets(index).all_around(quote, quote.documents[0], 1)
            ... ]
            [(1, 'b', 'ana', 'n'), (3, 'n', 'ana', '')]
        """
        start, end = self._first(quote, document)
        for _ in range(_MOST_OCCURRENCES):
            before, inside, after = self._cut(document, start, end, chars)
            self.given += 1
            yield {"offset": start, "before": before, "quote": inside, "after": after}
            if self._folds:
                return
            start = self._text(document.source, document.id).find(quote.text, start + 1)
            end = start + len(quote.text)
            if start < 0:
                return

    def length(self, document: QuoteSource) -> int:
        """Return the characters of a document."""
        return len(self._text(document.source, document.id))

    def _first(self, quote: Quote, document: QuoteSource) -> tuple[int, int]:
        """Return the place of the first occurrence in the text that is kept."""
        start, end = document.offset, document.offset + len(quote.text)
        if self._folds:  # that text can be longer or shorter than the quote
            start, end = self._index.find(document.source, document.id, quote.text) or (start, end)
        return start, end

    def _cut(self, document: QuoteSource, start: int, end: int, chars: int) -> tuple[str, str, str]:
        text = self._text(document.source, document.id)
        return text[max(start - chars, 0) : start], text[start:end], text[end : end + chars]

    def _text(self, source: str, id: str) -> str:
        text = self._texts.get((source, id))
        if text is None:
            text = self._index.document(source, id).text
            if sum(map(len, self._texts.values())) + len(text) > _MOST_KEPT:
                self._texts.clear()
            self._texts[source, id] = text
        return text
