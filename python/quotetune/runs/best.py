"""The choice of the best policy, and of the round after which training stops."""

import math
from collections.abc import Mapping

from quotetune.metrics.metric import Better


def rank(value: float | None, prefer: Better) -> float:
    """Return a number that is larger for a better value; an unknown value is the worst.

    Example:
        >>> rank(0.5, "higher") > rank(0.2, "higher") > rank(None, "lower")
        True
    """
    if value is None or math.isnan(value):
        return -math.inf
    return value if prefer == "higher" else -value


def best_policy(values: Mapping[str, float | None], prefer: Better) -> str:
    """Name the best policy; of equally good ones, the first.

    Args:
        values: The value of the criterion for each policy, in the order of their training.
        prefer: Which values are better.

    Example:
        >>> best_policy({"round-1": 0.2, "round-2": 0.3, "round-3": 0.3}, "higher")
        'round-2'
    """
    return max(values, key=lambda name: rank(values[name], prefer))


def stops_after(values: Mapping[str, float | None], prefer: Better) -> str | None:
    """Name the first policy that is no better than the best one before it.

    Args:
        values: The value for each policy, in order, from the one that the first round started from.
        prefer: Which values are better.

    Returns:
        The policy; None if each is better than all those before it.

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
