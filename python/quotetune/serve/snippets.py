"""The text of documents around their quotes."""

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote, QuoteSource

# Documents that are kept for the next quote; a document can be a whole book.
_MOST_KEPT = 1 << 24


class Snippets:
    """Cuts pieces from documents, and keeps the documents of one request.

    Args:
        index: The index of the documents.
    """

    def __init__(self, index: Index) -> None:
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
        name = (document.source, document.id)
        text = self._text(*name)
        start, end = document.offset, document.offset + len(quote.text)
        if self._folds:  # the text that is kept can be longer or shorter than the quote
            start, end = self._index.find(*name, quote.text) or (start, end)
        return text[max(start - chars, 0) : start], text[start:end], text[end : end + chars]

    def length(self, document: QuoteSource) -> int:
        """Return the characters of a document."""
        return len(self._text(document.source, document.id))

    def _text(self, source: str, id: str) -> str:
        text = self._texts.get((source, id))
        if text is None:
            text = self._index.document(source, id).text
            if sum(map(len, self._texts.values())) + len(text) > _MOST_KEPT:
                self._texts.clear()
            self._texts[source, id] = text
        return text
