"""How long a quote each next token of a response continues: what guides a decoder to the corpus.

While a model samples, a decoder can favour the tokens that continue a quote. For each candidate, a
guide gives m: the length in characters of the longest suffix of the response with the candidate
that occurs in a document. docs/guide.md has the definition, and the rules for each kind of index.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quotetune import _core
from quotetune.corpus.index import Index
from quotetune.corpus.index_or_path import IndexOrPath, opened
from quotetune.corpus.limits import check_texts
from quotetune.errors import UsageError

GuideState = _core.GuideState

MIN_CHARS = 8
MAX_CHARS = 32
_LONGEST = 1 << 62


class Vocabulary:
    """The bytes of a model's tokens, registered once for all guides.

    Args:
        tokens: The bytes of each token, by its id. A token may be a part of a character. A special
            token has none: `b""` or None.

    Raises:
        UsageError: A token is neither bytes nor None.

    Example:
        >>> len(Vocabulary([b"The", b" qu", b"ick", None]))
        4
    """

    def __init__(self, tokens: Sequence[bytes | None]) -> None:
        for number, token in enumerate(tokens):
            if token is not None and not isinstance(token, bytes):
                kind = type(token).__name__
                raise UsageError(f"token {number}: expected bytes or None, got {kind}: encode it")
        self._vocabulary = _core.Vocabulary(list(tokens))

    def __len__(self) -> int:
        return len(self._vocabulary)


class Texts:
    """A few texts with a suffix array in memory, to guide towards them alone.

    The array is made in milliseconds and takes 5 bytes per byte of text, and up to a few KB.

    Args:
        texts: The texts as given; they are normalised.
        normalization: `squash`, `fold`, `fold-case` or `none`.

    Raises:
        UsageError: There is no such normalisation, or the texts have more than 2 GiB.
        QuotetuneError: A text is not valid Unicode.

    Example:
        >>> fox = Texts(["The quick brown fox."])
        >>> guide = Guide(fox, Vocabulary([b"A quick", b" brown", b" green"]), min_chars=4)
        >>> matches([guide.state([0])], [[1, 2]])
        array([[12,  0]], dtype=int32)
    """

    def __init__(self, texts: Iterable[str], normalization: str = "squash") -> None:
        self._texts = _core.Texts(check_texts(texts), normalization)

    @classmethod
    def of_documents(cls, index: Index, documents: Sequence[tuple[str, str]]) -> "Texts":
        """Take documents of an index, as the index has them.

        Args:
            index: An index with a suffix index.
            documents: Source and id of each document.

        Returns:
            The texts of these documents, normalised as the index is.

        Raises:
            QuotetuneError: There is no such document, or the index stores no text.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import build_index
            >>> index = build_index(["banana", "cherry"], mkdtemp() + "/index")
            >>> cherry = Texts.of_documents(index, [("documents", "1")])
            >>> guide = Guide(cherry, Vocabulary([b"ban", b"ana", b"che"]), min_chars=1)
            >>> matches([guide.state()], [[0, 2]])
            array([[0, 3]], dtype=int32)
        """
        found = cls.__new__(cls)
        found._texts = _core.Texts.of_documents(index._index, list(documents))
        return found


class Guide:
    """Finds how long a quote each next token of a response continues.

    Args:
        source: The corpus: an index, its path, or a few texts.
        vocabulary: The tokens of the model.
        min_chars: Characters of the shortest match that counts. A lean index and a filter alone
            find none shorter than their n.
        max_chars: Characters after which a longer match counts no more, at most 1024.

    Raises:
        UsageError: The lengths are not 1 <= `min_chars` < `max_chars` <= 1024, or `max_chars` is
            less than the n of a lean index or of a filter alone; or an argument is of
            another kind.
        QuotetuneError: The index cannot be opened.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["The quick brown fox jumps."], mkdtemp() + "/index")
        >>> vocabulary = Vocabulary([b"The qu", b"ick", b"een", b" brown", b" ", None])
        >>> guide = Guide(index, vocabulary)
        >>> state = guide.state([0])
        >>> matches([state], [[1, 2, 4, 5]])
        array([[9, 0, 0, 0]], dtype=int32)
        >>> state.advance([1])
        >>> matches([state], [[3, 3, 2, 5]])
        array([[15, 15,  0,  0]], dtype=int32)
    """

    def __init__(
        self,
        source: IndexOrPath | Texts,
        vocabulary: Vocabulary,
        *,
        min_chars: int = MIN_CHARS,
        max_chars: int = MAX_CHARS,
    ) -> None:
        if not isinstance(source, Index | Texts | str | os.PathLike):
            kind = type(source).__name__
            raise UsageError(f"the source is a {kind}: give an index, its path, or Texts")
        if not isinstance(vocabulary, Vocabulary):
            kind = type(vocabulary).__name__
            raise UsageError(f"the vocabulary is a {kind}: make a Vocabulary of the tokens' bytes")
        lengths = [min(max(chars, 0), _LONGEST) for chars in (min_chars, max_chars)]
        core = source._texts if isinstance(source, Texts) else opened(source)._index
        self._guide = _core.Guide(core, vocabulary._vocabulary, *lengths)

    def state(self, tokens: Sequence[int] = ()) -> GuideState:
        """Start a response.

        The state is a function of the tokens alone. It has three methods: `advance(tokens)` takes
        the next ones, `follow(tokens)` takes the list of all of them, and starts again if it does
        not continue the list that is known, and `copy()` makes a copy. `tokens` is that list.

        Args:
            tokens: The ids of the response's tokens so far, without those of the prompt.

        Returns:
            The state of the response.

        Raises:
            UsageError: The vocabulary does not have one of the tokens.

        Example:
            >>> guide = Guide(Texts(["banana"]), Vocabulary([b"ban", b"ana", b"x"]), min_chars=1)
            >>> state = guide.state([0, 2])
            >>> state.follow([0, 1])
            >>> state.tokens
            [0, 1]
        """
        state = self._guide.state()
        state.advance(tokens)
        return state


def matches(states: Sequence[GuideState], candidates: ArrayLike) -> NDArray[np.int32]:
    """Return how long a quote each candidate continues, in characters.

    The work is done without the GIL, on all threads. The states may be of different guides.

    Args:
        states: The responses.
        candidates: Ids of tokens that may follow, of shape (responses, candidates of each). An id
            that the vocabulary does not have, such as padding, is no error.

    Returns:
        m for each candidate: from `min_chars` to `max_chars`, or 0 if the match is shorter. It is 0
        for a token without bytes.

    Raises:
        UsageError: The number of rows is not that of the states.
        QuotetuneError: A file of the index was cut.

    Example:
        >>> guide = Guide(Texts(["banana"]), Vocabulary([b"ban", b"ana", b"x"]), min_chars=1)
        >>> matches([guide.state(), guide.state([0])], [[0, 1], [1, 2]])
        array([[3, 3],
               [6, 0]], dtype=int32)
    """
    return _core.guide_matches(list(states), _ids(candidates))


def completes(states: Sequence[GuideState], candidates: ArrayLike) -> NDArray[np.bool_]:
    """Tell which candidates complete an n-gram of the corpus, anywhere in what they add.

    The text is normalised as the corpus is. A filter that the index has answers, so that one
    candidate in many is said to complete one that does not. A token that leaves bytes behind that
    are not UTF-8 is said to, because what it adds cannot be told.

    Args:
        states: The responses, of guides whose `max_chars` is n - 1 or more.
        candidates: As for `matches`.

    Returns:
        An answer for each candidate.

    Raises:
        UsageError: The number of rows is not that of the states, or a guide is of `Texts`.
        QuotetuneError: A file of the index was cut.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["banana"], mkdtemp() + "/index", n=4)
        >>> guide = Guide(index, Vocabulary([b"ban", b"ana!", b"x"]))
        >>> completes([guide.state([0])], [[1, 2]])
        array([[ True, False]])
    """
    return _core.guide_completes(list(states), _ids(candidates))


def ends(states: Sequence[GuideState]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return how long a quote each response ends with, where the corpus ends something, too.

    Args:
        states: The responses.

    Returns:
        Two arrays with a length in characters per response, as `matches` has them: the longest
        match after which a document ends, and the longest after which a sentence ends.

    Raises:
        QuotetuneError: A file of the index was cut.

    Example:
        >>> texts = Texts(["A fox. The end", "The end. A dog"])
        >>> guide = Guide(texts, Vocabulary([b"A fox.", b" The", b" end"]), min_chars=1)
        >>> ends([guide.state([0]), guide.state([0, 1, 2])])
        (array([ 0, 14], dtype=int32), array([6, 0], dtype=int32))
    """
    return _core.guide_ends(list(states))


def _ids(candidates: ArrayLike) -> NDArray[Any]:
    ids = np.asarray(candidates)
    if ids.ndim != 2 or (ids.size and not np.issubdtype(ids.dtype, np.integer)):
        raise UsageError(
            f"candidates is an array of {ids.dtype} of shape {ids.shape}: give ids of shape "
            "(states, candidates)"
        )
    return ids.astype(np.int64, copy=False)
