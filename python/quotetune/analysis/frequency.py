"""A metric by the frequency of the topic in the corpus: bins, correlations and a fit.

The method is that of Udandarao et al. 2024 (arXiv 2404.04125, section 3). Count each concept in the
corpus (0 becomes 1), take the logarithm, split its range into 12 bins of equal width, average the
metric in each bin, and correlate. Everything here is a pure function.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quotetune.measures.bootstrap import LEVEL, RESAMPLES, SEED, draws

BINS = 12
# A smaller variance is that of equal numbers, as they are rounded.
_NO_VARIANCE = 1e-20
_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FrequencyBin:
    """Topics of similar frequency.

    Attributes:
        low: ln of the smallest count in the bin.
        high: ln of the count at which the next bin starts; the last bin includes it.
        prompts: Number of prompts with such a topic.
        mean: Mean of the metric over these prompts; None without prompts.
        spread: Its standard deviation (n - 1); None for fewer than two prompts.
    """

    low: float
    high: float
    prompts: int
    mean: float | None
    spread: float | None

    @property
    def center(self) -> float:
        """The middle of the bin, as ln of a count."""
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class FrequencyCurve:
    """The metric of one policy by the frequency of the topic.

    Attributes:
        bins: The bins, in ascending order of frequency.
        r_bins: Pearson r of the bins' centres and means, over the bins with prompts; None for
            fewer than two such bins, or if all means are equal.
        r_inner_bins: The same without the first and the last bin, as in the paper.
        r_prompts: Pearson r of ln count and the metric over prompts.
        r_interval: Interval of `r_prompts`, by a bootstrap over prompts; None if it has no number.
        intercept: a of the fit metric = a + b ln(count) over prompts, by least squares.
        slope: b of that fit; None if all counts are equal.
        rarest_mean: Mean of the metric over the tenth of the prompts with the rarest topics.
    """

    bins: list[FrequencyBin]
    r_bins: float | None
    r_inner_bins: float | None
    r_prompts: float | None
    r_interval: tuple[float, float] | None
    intercept: float | None
    slope: float | None
    rarest_mean: float


def log_counts(counts: Sequence[int]) -> _Numbers:
    """Return the natural logarithm of counts; 0 counts as 1.

    Example:
        >>> log_counts([0, 1, 10]).round(2).tolist()
        [0.0, 0.0, 2.3]
    """
    numbers: _Numbers = np.log(np.maximum(np.asarray(counts, dtype=np.float64), 1.0))
    return numbers


def rarest_tenth(counts: Sequence[int]) -> list[int]:
    """Return the positions of the rarest tenth, at least one; the first of equal counts.

    Example:
        >>> rarest_tenth([5, 0, 3])
        [1]
    """
    order = np.argsort(np.asarray(counts), kind="stable")
    return [int(i) for i in order[: -(-len(counts) // 10)]]


def frequency_curve(
    counts: Sequence[int], values: Sequence[float], bins: int = BINS
) -> FrequencyCurve:
    """Relate a metric of a policy to the frequency of the prompts' topics.

    Args:
        counts: Occurrences of each prompt's topic in the corpus; at least one prompt.
        values: Mean of the metric over the responses to each prompt.
        bins: Number of bins of equal width in ln(count).

    Returns:
        The bins, the correlations and the fit.

    Example:
        >>> curve = frequency_curve([0, 10, 100, 1000], [0.0, 0.1, 0.2, 0.3], bins=3)
        >>> [(b.prompts, b.mean) for b in curve.bins]
        [(1, 0.0), (1, 0.1), (2, 0.25)]
        >>> round(curve.slope, 4), curve.rarest_mean
        (0.0434, 0.0)
    """
    x = log_counts(counts)
    y = np.asarray(values, dtype=np.float64)
    filled = _bins(x, y, bins)
    slope = intercept = None
    if np.ptp(x) > 0:
        centred = x - x.mean()
        slope = float(centred @ (y - y.mean()) / (centred @ centred))
        intercept = float(y.mean() - slope * x.mean())
    return FrequencyCurve(
        bins=filled,
        r_bins=_r_of_bins(filled),
        r_inner_bins=_r_of_bins(filled[1:-1]),
        r_prompts=pearson(x, y),
        r_interval=pearson_interval(x, y),
        intercept=intercept,
        slope=slope,
        rarest_mean=float(y[rarest_tenth(counts)].mean()),
    )


def pearson(x: Sequence[float] | _Numbers, y: Sequence[float] | _Numbers) -> float | None:
    """Return Pearson's r; None for fewer than two points, or if x or y does not vary.

    Example:
        >>> pearson([1, 2, 3], [2, 4, 6])
        1.0
    """
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))


def pearson_interval(x: _Numbers, y: _Numbers) -> tuple[float, float] | None:
    """Return the percentile interval of Pearson's r, by a bootstrap over the points.

    A draw in which x or y does not vary has no r, and does not count (Efron and Tibshirani 1993,
    chapter 13).

    Returns:
        The bounds at 95%; None if no draw has an r.

    Example:
        >>> line = np.arange(20.0)
        >>> pearson_interval(line, 3 - line)
        (-1.0, -1.0)
        >>> pearson_interval(np.ones(3), np.arange(3.0)) is None
        True
    """
    # Centred, so that the squares do not lose digits.
    x, y = x - x.mean(), y - y.mean()
    terms = np.stack([x, y, x * x, y * y, x * y], axis=1)
    found = []
    for counts in draws(len(x), RESAMPLES, SEED):
        mean_x, mean_y, xx, yy, xy = (counts @ terms / len(x)).T
        varying = (np.minimum(xx - mean_x**2, yy - mean_y**2) > _NO_VARIANCE) & (
            (counts > 0).sum(axis=1) > 1
        )
        covariance = (xy - mean_x * mean_y)[varying]
        variances = ((xx - mean_x**2) * (yy - mean_y**2))[varying]
        found.append(np.clip(covariance / np.sqrt(variances), -1.0, 1.0))
    drawn = np.concatenate(found)
    if not len(drawn):
        return None
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    return low, high


def _bins(x: _Numbers, y: _Numbers, bins: int) -> list[FrequencyBin]:
    edges = np.linspace(x.min(), x.max(), bins + 1)
    if np.ptp(x) == 0:  # a single bin contains all prompts
        edges = edges[:2]
    places = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
    filled = []
    for number in range(len(edges) - 1):
        values = y[places == number]
        filled.append(
            FrequencyBin(
                low=float(edges[number]),
                high=float(edges[number + 1]),
                prompts=len(values),
                mean=float(values.mean()) if len(values) else None,
                spread=float(values.std(ddof=1)) if len(values) > 1 else None,
            )
        )
    return filled


def _r_of_bins(bins: Sequence[FrequencyBin]) -> float | None:
    filled = [(found.center, found.mean) for found in bins if found.mean is not None]
    return pearson([center for center, _ in filled], [mean for _, mean in filled])
