"""The documents of an open index."""

import itertools
from collections.abc import Iterator, Sequence

from quotetune.corpus.limits import check_documents
from quotetune.corpus.opened_index import OpenedIndex
from quotetune.corpus.results import Document, DocumentsContaining, metadata_from_json
from quotetune.errors import QuotetuneError, UnknownDocumentError
from quotetune.runtime.jsonl import is_unicode

# Names that are taken from the core at once.
_NAMES = 1000


class StoredDocuments(OpenedIndex):
    """An open index whose documents can be read."""

    def document(self, source: str, id: str) -> Document:
        """Return a document.

        Args:
            source: The document's source.
            id: The document's id.

        Returns:
            The document. Its text is normalised by `squash`; an index that folds keeps the text as
            given.

        Raises:
            UnknownDocumentError: There is no such document.
            QuotetuneError: The index stores no text.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana"], mkdtemp() + "/index")
            >>> index.document("documents", "0")
            Document(source='documents', id='0', text='banana', metadata={})
        """
        if not (is_unicode(source) and is_unicode(id)):
            raise UnknownDocumentError(
                f"no document {id!r} of source {source!r}: not valid Unicode"
            )
        source, id, text, metadata = self._index.document(source, id)
        return Document(source, id, text, metadata_from_json(metadata))

    def find(self, source: str, id: str, quote: str) -> tuple[int, int] | None:
        """Find the first occurrence of a quote in a document.

        Args:
            source: The document's source.
            id: The document's id.
            quote: The text of a quote, as `trace` gives it.

        Returns:
            Its start and end in the text that `document` gives, in characters, or None if the
            document does not contain it. In an index that folds, that text can be longer or
            shorter than the quote.

        Raises:
            QuotetuneError: There is no such document, or the index keeps no text.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> path = mkdtemp() + "/index"
            >>> index = build_index(["The “ﬁrst” try"], path, n=5, normalization="fold")
            >>> [quote] = index.trace('A "first" one')
            >>> quote.text, index.find("documents", "0", quote.text)
            (' "first" ', (3, 11))
            >>> index.document("documents", "0").text[3:11]
            ' “ﬁrst” '
        """
        if not all(map(is_unicode, (source, id, quote))):
            raise QuotetuneError(f"no quote {quote!r} in document {id!r}: not valid Unicode")
        return self._index.find(source, id, quote)

    def documents(self) -> Iterator[Document]:
        """Yield the documents in the order of the corpus.

        Raises:
            QuotetuneError: The index stores no text.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana", "cherry"], mkdtemp() + "/index")
            >>> [document.text for document in index.documents()]
            ['banana', 'cherry']
        """
        for position in itertools.count():
            found = self._index.document_at(position)
            if found is None:
                return
            source, id, text, metadata = found
            yield Document(source, id, text, metadata_from_json(metadata))

    def document_names(self) -> Iterator[tuple[str, str]]:
        """Yield source and id of the documents in the order of the corpus, without reading texts.

        Raises:
            QuotetuneError: The index stores no text.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana", "cherry"], mkdtemp() + "/index")
            >>> list(index.document_names())
            [('documents', '0'), ('documents', '1')]
        """
        position = 0
        while names := self._index.names(position, _NAMES):
            yield from names
            position += len(names)

    def has_document(self, source: str, id: str) -> bool:
        """Tell whether the corpus has a document, without reading its text.

        Raises:
            QuotetuneError: The index stores no text.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana"], mkdtemp() + "/index")
            >>> index.has_document("documents", "0"), index.has_document("documents", "1")
            (True, False)
        """
        # No document has a name with half a character.
        return is_unicode(source) and is_unicode(id) and self._index.has_document(source, id)

    def containing(
        self, *clauses: str | Sequence[str], max_documents: int = 10
    ) -> DocumentsContaining:
        """Find the documents that contain several texts, wherever they stand in the document.

        The clause of fewest occurrences is looked at first, and the others only in its documents.

        Args:
            clauses: Texts that a document must contain. Of a list of texts, it must contain one.
            max_documents: Documents to return; the first ones of the corpus.

        Returns:
            The number of documents, and the first of them.

        Raises:
            UsageError: There is no text, or one is empty.
            QuotetuneError: The index has no suffix index, or a text is not valid Unicode.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> fruit = ["red apple, red cherry", "green apple", "a cherry is red"]
            >>> index = build_index(fruit, mkdtemp() + "/index")
            >>> index.containing("red", "cherry").count
            2
            >>> found = index.containing("cherry", ["apple", "is red"], max_documents=1)
            >>> found.count, [document.text for document in found.documents]
            (2, ['red apple, red cherry'])
        """
        texts = [[clause] if isinstance(clause, str) else clause for clause in clauses]
        count, documents = self._index.containing(texts, check_documents(max_documents))
        named = [
            Document(source, id, text, metadata_from_json(metadata))
            for source, id, text, metadata in documents
        ]
        return DocumentsContaining(count, named)
