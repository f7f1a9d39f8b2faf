"""Distributions of QUIP and of quote lengths, in bins for the report's charts."""

import math
from collections.abc import Sequence

_QUIP_BINS = 10


def quip_bins(highest: float) -> list[float]:
    """Return the edges of ten bins of QUIP, wide enough for the highest one.

    Example:
        >>> quip_bins(0.18)
        [0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2]
    """
    width = next(width for width in (0.01, 0.02, 0.05, 0.1) if width * _QUIP_BINS >= highest)
    return [round(width * number, 2) for number in range(_QUIP_BINS + 1)]


def quip_shares(quips: Sequence[float | None], edges: Sequence[float]) -> list[float]:
    """Return the share of responses in each bin; the last bin includes its upper edge.

    A response that is too short to score counts as 0, as it does in the mean.

    Example:
        >>> quip_shares([0.125, None], [0.0, 0.1, 0.2])
        [0.5, 0.5]
    """
    counts = [0] * (len(edges) - 1)
    for quip in quips:
        bin = sum((quip or 0.0) >= edge for edge in edges) - 1
        counts[min(bin, len(counts) - 1)] += 1
    return [count / len(quips) for count in counts]


def length_bins(n: int, longest: int) -> list[int]:
    """Return the edges of the bins of quote lengths, each a quarter wider than the one before.

    Args:
        n: The shortest quote.
        longest: The longest quote.

    Returns:
        The edges; the last is above `longest`.

    Example:
        >>> length_bins(25, 60)
        [25, 32, 40, 49, 62]
    """
    edges = [n]
    while edges[-1] <= longest:
        edges.append(max(edges[-1] + 1, math.ceil(n * 1.25 ** len(edges))))
    return edges


def quotes_per_response(quotes: Sequence[Sequence[int]], edges: Sequence[int]) -> list[float]:
    """Return the number of quotes per response, by length.

    Args:
        quotes: The lengths of the quotes of each response.
        edges: The edges of bins that include all of them.

    Example:
        >>> quotes_per_response([[30], [30, 35]], [25, 32, 40])
        [1.0, 0.5]
    """
    counts = [0] * (len(edges) - 1)
    for lengths in quotes:
        for length in lengths:
            counts[sum(length >= edge for edge in edges) - 1] += 1
    return [count / len(quotes) for count in counts]
