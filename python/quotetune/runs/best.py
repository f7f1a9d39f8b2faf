"""Which trained policy is the best one, and whether another round is worth its while."""

import math
from collections.abc import Mapping

from quotetune.metrics.metric import Better


def rank(value: float | None, prefer: Better) -> float:
    """Return a number that is the larger the better; a value that is not known is the worst.

    Example:
        >>> rank(0.5, "higher") > rank(0.2, "higher") > rank(None, "lower")
        True
    """
    if value is None or math.isnan(value):
        return -math.inf
    return value if prefer == "higher" else -value


def best_policy(values: Mapping[str, float | None], prefer: Better) -> str:
    """Name the best of some policies; of equal ones the first.

    Args:
        values: The criterion's value of each, in the order in which they were trained.
        prefer: Which values are better.

    Example:
        >>> best_policy({"round-1": 0.2, "round-2": 0.3, "round-3": 0.3}, "higher")
        'round-2'
    """
    return max(values, key=lambda name: rank(values[name], prefer))


def stops_after(values: Mapping[str, float | None], prefer: Better) -> str | None:
    """Name the first policy that is no better than all before it.

    Args:
        values: The criterion's value of each, in order; the first is where the first round started.
        prefer: Which values are better.

    Returns:
        The policy; None if each is better than all before.

    Example:
        >>> stops_after({"base": 0.1, "round-1": 0.3, "round-2": 0.2, "round-3": 0.4}, "higher")
        'round-2'
    """
    best = -math.inf
    for position, (name, value) in enumerate(values.items()):
        now = rank(value, prefer)
        if position and now <= best:
            return name
        best = max(best, now)
    return None
