"""Normalise texts as an index does, and keep the way back."""

import numpy as np
from numpy.typing import NDArray

from quotetune import _core
from quotetune.corpus.limits import check_threads


def aligned(text: str, normalization: str) -> tuple[str, NDArray[np.int64]]:
    """Normalise a text.

    Args:
        text: The text as given.
        normalization: `squash`, `fold`, `fold-case` or `none`.

    Returns:
        The normalised text, and an array of shape (its length, 2): the span of the given text, in
        characters, that each of its characters comes from.

    Raises:
        UsageError: There is no such normalisation.
        QuotetuneError: The text is not valid Unicode.

    Example:
        >>> aligned("a  b", "squash")
        ('a b', array([[0, 1],
               [1, 3],
               [3, 4]]))
    """
    return _core.aligned(text, normalization)


def set_threads(threads: int | None) -> None:
    """Let all later calls on many texts use some threads; for None, one per core.

    Raises:
        UsageError: The number is out of range.
    """
    _core.set_threads(check_threads(threads))
