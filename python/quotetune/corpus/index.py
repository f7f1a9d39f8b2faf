"""An open index: score texts with it, and trace their quotes."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from quotetune.corpus.limits import MOST, check_documents, check_texts
from quotetune.corpus.results import (
    Duplicates,
    QuipReport,
    Quote,
    RepeatedText,
    Repeats,
    report_from_tuple,
)
from quotetune.corpus.stored_documents import StoredDocuments
from quotetune.errors import UsageError
from quotetune.runtime.jsonl import is_unicode


class Index(StoredDocuments):
    """An index of a corpus, mapped into memory.

    Opening an index reads only headers. Many threads may use it at once: calls release the GIL,
    and calls on several texts use all cores (`RAYON_NUM_THREADS` limits them). It pickles as its
    path, or as its paths if several indexes were opened as one.

    Before a text is looked up, it is normalised as the corpus was.
    """

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
        reports = self._index.report(check_texts(texts), check_documents(max_documents), exact)
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
        quotes = self._index.trace(texts, min(min_chars, MOST), check_documents(max_documents))
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
            min(min_chars, MOST),
            min(times, MOST),
            min(max_texts, MOST),
            check_documents(max_documents),
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
