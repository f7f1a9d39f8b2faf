"""The pairs that keep the bounds of `pairs.constraints`: pure functions.

`top_share`, `worse_by: 0` and `relative_change` are the constraints that the released code of
Zhang et al. 2025 has for BARTScore. `worst_chosen` is the absolute threshold of Rosset et al. 2024,
section 4.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from quotetune.config.constraints import ConstraintConfig
from quotetune.metrics.criteria import CRITERIA

_Valid = npt.NDArray[np.bool_]
_Numbers = npt.NDArray[np.float64]


def within_bounds(
    name: str,
    values: Sequence[float | None],
    bounds: ConstraintConfig,
    direction: Literal["quote", "unquote"],
) -> _Valid:
    """Return which pairs of a prompt's responses keep the bounds on a criterion.

    Args:
        name: The criterion.
        values: The value of each response; None if it has none, and is then free of the bounds.
        bounds: The bounds.
        direction: `pairs.direction`.

    Returns:
        Whether each (chosen, rejected) keeps all bounds, of shape (n, n).

    Example:
        >>> bounds = ConstraintConfig(worse_by=0)
        >>> within_bounds("perplexity", [9.0, 7.0], bounds, "quote")
        array([[ True, False],
               [ True,  True]])
    """
    given = np.array([np.nan if value is None else value for value in values], np.float64)
    kind = CRITERIA[name]
    lower = (kind.better == "lower") != (direction == "unquote" and kind.of_quotes)
    good = -given if lower else given
    within = np.ones((len(good), len(good)), bool)
    # A comparison with a value that is missing, a NaN, is false.
    if bounds.worse_by is not None:
        within &= ~(good[None, :] - good[:, None] > bounds.worse_by)
    if bounds.relative_change is not None:
        size = np.abs(good)
        limit = bounds.relative_change * np.minimum(size[:, None], size[None, :])
        within &= ~(np.abs(good[:, None] - good[None, :]) >= limit)
    if bounds.top_share is not None:
        in_top = ~(good < _least_of_top(good, bounds.top_share))
        within &= in_top[:, None] & in_top[None, :]
    if bounds.worst_chosen is not None:
        worst = -bounds.worst_chosen if lower else bounds.worst_chosen
        within &= ~(good < worst)[:, None]
    return within


def _least_of_top(good: _Numbers, share: float) -> float:
    """Return the lowest value that is not below the quantile 1 - share."""
    known = np.sort(good[~np.isnan(good)])
    if not len(known):
        return -math.inf
    # Rounded, because 1 - 0.7 is a little more than 0.3, and would leave out the value at 0.3.
    return float(known[math.ceil(round((1 - share) * (len(known) - 1), 9))])
