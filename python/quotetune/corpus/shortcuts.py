"""The two most common calls, for an index or the path of one."""

from collections.abc import Iterable
from typing import overload

import numpy as np
from numpy.typing import NDArray

from quotetune.corpus.index_or_path import IndexOrPath, opened
from quotetune.corpus.results import Quote


@overload
def quip_score(  # type: ignore[overload-overlap]
    text: str, index: IndexOrPath
) -> float | None: ...


@overload
def quip_score(text: Iterable[str], index: IndexOrPath) -> NDArray[np.float64]: ...


def quip_score(text: str | Iterable[str], index: IndexOrPath) -> float | NDArray[np.float64] | None:
    """Score a text: return the share of its n-grams that occur in the corpus (see `Index.quip`).

    Args:
        text: A text as given, or several.
        index: An index or its path.

    Returns:
        A score in [0, 1], or None for a text shorter than n characters. For several texts, an
        array, with NaN for texts that are too short.

    Raises:
        QuotetuneError: The index cannot be opened, or a text is not valid Unicode.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["The quick brown fox jumps over the lazy dog."], mkdtemp() + "/i")
        >>> quip_score("The quick brown fox jumps over the dog.", index)
        0.7333333333333333
        >>> quip_score("fox", index) is None
        True
    """
    if isinstance(text, str):
        score = float(opened(index).quip([text])[0])
        return None if np.isnan(score) else score
    return opened(index).quip(text)


@overload
def trace(  # type: ignore[overload-overlap]
    text: str,
    index: IndexOrPath,
    min_chars: int | None = None,
    max_documents: int = 10,
) -> list[Quote]: ...


@overload
def trace(
    text: Iterable[str],
    index: IndexOrPath,
    min_chars: int | None = None,
    max_documents: int = 10,
) -> list[list[Quote]]: ...


def trace(
    text: str | Iterable[str],
    index: IndexOrPath,
    min_chars: int | None = None,
    max_documents: int = 10,
) -> list[Quote] | list[list[Quote]]:
    """Find the quotes of a text (see `Index.trace`).

    Args:
        text: A text as given, or several.
        index: An index or its path.
        min_chars: Length of the shortest quote in characters; by default the index's n.
        max_documents: Documents to name per quote; the first ones of the corpus.

    Returns:
        The quotes of the text in order, or a list of them for each of several texts.

    Raises:
        QuotetuneError: The index cannot be opened or has no suffix index.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["The quick brown fox jumps over the lazy dog."], mkdtemp() + "/i")
        >>> [quote.text for quote in trace("A quick brown fox jumps over us.", index)]
        [' quick brown fox jumps over ']
    """
    return opened(index).trace(text, min_chars, max_documents)
