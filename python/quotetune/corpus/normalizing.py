"""Normalise texts as an index does, and keep the way back."""

from collections.abc import Iterator
from contextlib import contextmanager

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


def given_span(origins: NDArray[np.int64], start: int, end: int) -> tuple[int, int]:
    """Return the span of the given text that a stretch of the normalised text comes from.

    Args:
        origins: What `aligned` returns.
        start: First character of the stretch.
        end: One past its last character; more than `start`.

    Example:
        >>> given_span(aligned("a  b c", "squash")[1], 1, 3)
        (1, 4)
    """
    # Folding may put the marks of a character into another order.
    stretch = origins[start:end]
    return int(stretch[:, 0].min()), int(stretch[:, 1].max())


@contextmanager
def with_threads(threads: int | None) -> Iterator[None]:
    """Let calls on many texts use some threads meanwhile; for None, one per core.

    Raises:
        UsageError: The number is out of range.
    """
    _core.set_threads(check_threads(threads))
    try:
        yield
    finally:
        _core.set_threads(check_threads(None))
