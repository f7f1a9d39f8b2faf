"""An open index: score texts with it, and trace their quotes."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from quotetune import _core
from quotetune.corpus.limits import check_texts
from quotetune.corpus.results import (
    Document,
    DocumentsContaining,
    Duplicates,
    QuipReport,
    Quote,
    RepeatedText,
    Repeats,
    metadata_from_json,
    report_from_tuple,
)
from quotetune.errors import QuotetuneError, UnknownDocumentError, UsageError
from quotetune.runtime.jsonl import is_unicode

# Larger than any length or count; the numbers that the core accepts are limited.
_MOST = 2**31 - 1
# Names that are taken from the core at once.
_NAMES = 1000


class Index:
    """An index of a corpus, mapped into memory.

    Opening an index reads only headers. Many threads may use it at once: calls release the GIL,
    and calls on several texts use all cores (`RAYON_NUM_THREADS` limits them). It pickles as its
    path.

    Before a text is looked up, it is normalised as the corpus was.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).absolute()
        self._index = _core.Index(self._path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "Index":
        """Open the index in a directory.

        Args:
            path: The directory of the index.

        Returns:
            The index.

        Raises:
            QuotetuneError: There is no index, or its files are damaged, incomplete or of another
                format version.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> path = mkdtemp() + "/index"
            >>> _ = build_index(["The quick brown fox jumps over the lazy dog."], path)
            >>> Index.open(path)
            Index(n=25, normalization='squash', documents=1, structures=['bloom', 'suffix'])
        """
        return cls(path)

    @property
    def path(self) -> Path:
        """The directory of the index."""
        return self._path

    @property
    def n(self) -> int:
        """Length of an n-gram in characters (Unicode code points)."""
        return self._index.n

    @property
    def normalization(self) -> str:
        """Normalisation of corpus and queries: `squash`, `fold`, `fold-case` or `none`."""
        return self._index.normalization

    @property
    def structures(self) -> list[str]:
        """Structures of the index: `bloom` or `fuse`, `suffix` or `lean`, or one of each."""
        return self._index.structures

    @property
    def has_suffix_index(self) -> bool:
        """Whether the index has `suffix` or `lean`, which quotes, counts and documents need."""
        return self._index.has_suffix_index

    @property
    def fpr(self) -> float:
        """False-positive rate of the filter (Bloom: from its actual fill); 0 without a filter."""
        return self._index.fpr

    @property
    def ngrams(self) -> int:
        """Number of n-grams of the corpus, duplicates counted."""
        return self._index.ngrams

    @property
    def record_keys(self) -> tuple[str, str | None, str | None, list[str]]:
        """Fields of records that were read: those of text, id and source, and the metadata's.

        None for the id or the source means the field `id` or `source`, if a record has it.
        """
        return self._index.record_keys

    @property
    def is_numbered(self) -> bool:
        """Whether ids are the places of records, even of those with a field `id`."""
        return self._index.numbered

    @property
    def identity(self) -> str | None:
        """How default sources are made: `path`, or None for the stems that older indexes have."""
        return self._index.identity

    def __len__(self) -> int:
        return len(self._index)

    def __bool__(self) -> bool:
        # An index without documents is still an index.
        return True

    def __repr__(self) -> str:
        return (
            f"Index(n={self.n}, normalization={self.normalization!r}, documents={len(self)}, "
            f"structures={self.structures})"
        )

    def __reduce__(self) -> tuple[Callable[[str], "Index"], tuple[str]]:
        return type(self), (str(self._path),)

    def quip(
        self,
        texts: Iterable[str],
        documents: Sequence[Sequence[tuple[str, str]]] | None = None,
        exact: bool = False,
    ) -> NDArray[np.float64]:
        """Score texts: return the share of their n-grams that occur in the corpus.

        QUIP(x) = n-grams of x that occur in the corpus / n-grams of x, duplicates counted
        (Weller et al. 2024, section 3). If the index has a filter, the filter answers. Its score
        is never too low, and too high by about `fpr` * (1 - QUIP).

        Args:
            texts: The texts as given.
            documents: One list of (source, id) per text. If given, only n-grams that occur in the
                text's own documents count, exactly (on-topic QUIP). This needs a suffix index.
            exact: Whether to ask the suffix index instead of the filter.

        Returns:
            A score in [0, 1] for each text; NaN for a text shorter than n characters.

        Raises:
            QuotetuneError: A document is unknown, a text is not valid Unicode, or the call needs a
                suffix index and there is none.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> fox = "The quick brown fox jumps over the lazy dog."
            >>> index = build_index([fox], mkdtemp() + "/index")
            >>> index.quip([fox, "too short", "Nobody has ever written these words."])
            array([ 1., nan,  0.])
            >>> index.quip([fox], documents=[[("documents", "0")]])
            array([1.])
        """
        if documents is None:
            return self._index.quip(check_texts(texts), exact)
        identities = [_identities(group) for group in documents]
        return self._index.topic_quip(check_texts(texts), identities)

    def quip_counts(self, texts: Iterable[str], exact: bool = False) -> NDArray[np.int64]:
        """Count the n-grams of texts that occur in the corpus, and all their n-grams.

        It is `quip` before the division, so counts of several texts can be added up.

        Args:
            texts: The texts as given.
            exact: As for `quip`.

        Returns:
            An array of shape (texts, 2): QUIP's numerator and denominator of each text. Both are 0
            for a text shorter than n characters.

        Raises:
            QuotetuneError: As for `quip`.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana"], mkdtemp() + "/index", n=3)
            >>> index.quip_counts(["bananas", "no"])
            array([[4, 5],
                   [0, 0]])
        """
        return self._index.quip_counts(check_texts(texts), exact)

    def score(
        self, texts: Iterable[str], max_documents: int = 10, exact: bool = False
    ) -> list[QuipReport]:
        """Score texts, and return the counts and quotes of each.

        Args:
            texts: The texts as given.
            max_documents: Documents to name per quote; the first ones of the corpus.
            exact: Whether to take the numerator from the suffix index instead of the filter.

        Returns:
            A report for each text.

        Raises:
            QuotetuneError: A text is not valid Unicode, or `exact` is set and there is no suffix
                index.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> fox = "The quick brown fox jumps over the lazy dog."
            >>> index = build_index([fox], mkdtemp() + "/index")
            >>> [report] = index.score(["He said: The quick brown fox jumps over it."])
            >>> report.numerator, report.denominator, report.longest_quote, report.covered
            (7, 19, 31, [(9, 40)])
        """
        reports = self._index.report(check_texts(texts), _check_documents(max_documents), exact)
        return [report_from_tuple(report) for report in reports]

    def windows(
        self, texts: Iterable[str], exact: bool = False
    ) -> list[tuple[str, NDArray[np.bool_]]]:
        """Return for each window of each text whether it occurs in the corpus.

        Args:
            texts: The texts as given.
            exact: Whether to ask the suffix index instead of the filter.

        Returns:
            For each text: the text, normalised, and an answer for each of its windows. A
            normalised text of L characters has L - n + 1 windows (none if L < n); window i is its
            characters i to i + n. The mean of the answers is the text's QUIP.

        Raises:
            QuotetuneError: A text is not valid Unicode, or `exact` is set and there is no suffix
                index.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana"], mkdtemp() + "/index", n=3)
            >>> index.windows(["  ban  ana"])
            [('ban ana', array([ True, False, False, False,  True]))]
        """
        return self._index.windows(check_texts(texts), exact)

    # A str is also an iterable of str, so the first overload comes first.
    @overload
    def trace(  # type: ignore[overload-overlap]
        self, text: str, min_chars: int | None = None, max_documents: int = 10
    ) -> list[Quote]: ...

    @overload
    def trace(
        self, text: Iterable[str], min_chars: int | None = None, max_documents: int = 10
    ) -> list[list[Quote]]: ...

    def trace(
        self, text: str | Iterable[str], min_chars: int | None = None, max_documents: int = 10
    ) -> list[Quote] | list[list[Quote]]:
        """Find the quotes of a text: its maximal verbatim matches, and the documents they occur in.

        Quotes may overlap each other. No quote spans two documents.

        Args:
            text: A text as given, or several.
            min_chars: Length of the shortest quote in characters; by default the index's n.
            max_documents: Documents to name per quote; the first ones of the corpus.

        Returns:
            The quotes of the text in order, or a list of them for each of several texts.

        Raises:
            QuotetuneError: The index has no suffix index, or a text is not valid Unicode.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> fox = "The quick brown fox jumps over the lazy dog."
            >>> index = build_index([fox], mkdtemp() + "/index")
            >>> [quote] = index.trace("See, the quick  brown fox jumps over a cat.", min_chars=15)
            >>> quote.start, quote.end, quote.text, quote.count
            (6, 37, 'he quick brown fox jumps over ', 1)
            >>> quote.documents[0].id, quote.documents[0].offset
            ('0', 1)
        """
        texts = [text] if isinstance(text, str) else text
        if min_chars is None:
            min_chars = self.n
        if min_chars < 1:
            raise UsageError(f"min_chars is {min_chars}: choose 1 or more")
        quotes = self._index.trace(texts, min(min_chars, _MOST), _check_documents(max_documents))
        return quotes[0] if isinstance(text, str) else quotes

    def count(self, texts: Iterable[str], *, whole_words: bool = False) -> NDArray[np.int64]:
        """Count how often each text, as a whole, occurs in the corpus.

        Args:
            texts: The texts as given.
            whole_words: Whether to leave out occurrences within longer words. In such a one, a
                letter or digit at an end of the text stands beside another letter or digit. A
                common word takes longer then, because each of its occurrences is looked at.

        Returns:
            Occurrences of each text, including overlapping ones; 0 for an empty text.

        Raises:
            QuotetuneError: The index has no suffix index, or a text is not valid Unicode.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana", "bandana"], mkdtemp() + "/index")
            >>> index.count(["ana", "band", "x"])
            array([3, 1, 0])
            >>> index.count(["ana", "band", "banana"], whole_words=True)
            array([0, 0, 1])
        """
        return self._index.count(check_texts(texts), whole_words)

    def contains(self, texts: Iterable[str]) -> NDArray[np.bool_]:
        """Return for each text whether it occurs, as a whole, in a document.

        Without a suffix index, the answer is whether the filter contains every n-gram of the text.
        It may then be true by error, and a text shorter than n cannot be looked up.

        Args:
            texts: The texts as given.

        Returns:
            An answer for each text.

        Raises:
            QuotetuneError: A text is not valid Unicode, or too short for a filter alone.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana", "bandana"], mkdtemp() + "/index")
            >>> index.contains(["ana", "anab"])
            array([ True, False])
        """
        return self._index.contains(check_texts(texts))

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
        count, documents = self._index.containing(texts, _check_documents(max_documents))
        named = [
            Document(source, id, text, metadata_from_json(metadata))
            for source, id, text, metadata in documents
        ]
        return DocumentsContaining(count, named)

    def repeats(
        self, min_chars: int, times: int = 2, max_texts: int = 100, max_documents: int = 10
    ) -> Repeats:
        """Find what the corpus contains several times.

        One pass over the suffix array finds all texts of `min_chars` characters that occur often
        enough. It keeps a bit per byte of text in memory, and a few words per range.

        Args:
            min_chars: Length of the shortest text in characters.
            times: Occurrences that a text must have, 2 or more; overlapping ones count.
            max_texts: Texts to return; the longest ones.
            max_documents: Documents to name per text; the first ones of the corpus.

        Returns:
            The longest texts, and how much of the corpus repeats.

        Raises:
            UsageError: An argument is out of range.
            QuotetuneError: The index has no full suffix index.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> drinks = ["I like green tea.", "We like green tea.", "They like coffee."]
            >>> index = build_index(drinks, mkdtemp() + "/index")
            >>> found = index.repeats(min_chars=10)
            >>> [(one.text, one.count) for one in found.texts]
            [(' like green tea.', 2)]
            >>> found.ranges, found.chars, found.documents
            (2, 32, 2)
        """
        for name, value, least in (("min_chars", min_chars, 1), ("times", times, 2)):
            if value < least:
                raise UsageError(f"{name} is {value}: choose {least} or more")
        if max_texts < 0:
            raise UsageError(f"max_texts is {max_texts}: choose 0 or more")
        ranges, chars, documents, texts = self._index.repeats(
            min(min_chars, _MOST),
            min(times, _MOST),
            min(max_texts, _MOST),
            _check_documents(max_documents),
        )
        return Repeats(ranges, chars, documents, [RepeatedText(*text) for text in texts])

    def duplicates(self, min_chars: int, remove: Literal["spans", "documents"]) -> Duplicates:
        """Find the texts that occur earlier in the corpus, too.

        Args:
            min_chars: Length of the texts in characters; longer ones consist of them.
            remove: Whether the spans that they cover are wanted, or the documents that share one.

        Returns:
            The copies. `spans(i)` are those of document i in the order of the corpus, in characters
            of its normalised text. `left_out()` are the documents without which no two share a
            text; there are none if `remove` is `spans`. `is_empty` tells whether nothing occurs
            twice.

        Raises:
            QuotetuneError: The index has no full suffix index.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> drinks = ["I like green tea.", "We like green tea.", "They like coffee."]
            >>> index = build_index(drinks, mkdtemp() + "/index")
            >>> index.duplicates(10, "spans").spans(1)
            [(2, 18)]
            >>> index.duplicates(10, "documents").left_out()
            [1]
        """
        return self._index.duplicates(min_chars, remove == "documents")

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


def _identities(documents: Any) -> list[tuple[str, str]]:
    match documents:
        case [*pairs] if all(map(_is_identity, pairs)):
            return pairs
    raise UsageError(f"documents contains {documents!r}: give one list of (source, id) per text")


def _is_identity(pair: Any) -> bool:
    match pair:
        case (str(source), str(id)):
            return is_unicode(source) and is_unicode(id)
    return False


def _check_documents(max_documents: int) -> int:
    if max_documents < 0:
        raise UsageError(f"max_documents is {max_documents}: choose 0 or more")
    return min(max_documents, _MOST)
