"""Student's t: an interval for a mean of few numbers, such as one number per training seed.

numpy has no quantiles of this distribution, and scipy is not among the package's dependencies. For
whole degrees of freedom the distribution function has a closed form, which is inverted here.
"""

import math
from collections.abc import Sequence

LEVEL = 0.95


def t_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """Return the confidence interval of the mean of normally distributed numbers.

    It is mean ± t * s / sqrt(n), where s is the standard deviation with the divisor n - 1, and t
    the quantile of Student's distribution with n - 1 degrees of freedom at (1 + level) / 2 (Student
    1908; NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.5.2).

    Args:
        values: The n numbers.
        level: The confidence level, between 0 and 1.

    Returns:
        The ends of the interval; None for fewer than two numbers, which have no spread.

    Example:
        >>> low, high = t_interval([0.1, 0.2, 0.3])
        >>> round(low, 4), round(high, 4)
        (-0.0484, 0.4484)
    """
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    margin = t_quantile((1 + level) / 2, n - 1) * deviation / math.sqrt(n)
    return mean - margin, mean + margin


def t_quantile(share: float, degrees: int) -> float:
    """Return the number below which a share of Student's distribution lies.

    Args:
        share: The share, at least 0.5 and less than 1.
        degrees: Degrees of freedom, 1 or more.

    Example:
        >>> round(t_quantile(0.975, 2), 4)
        4.3027
    """
    wanted = 2 * share - 1  # the share between -t and t
    low, high = 0.0, math.pi / 2  # of the angle whose tangent is t / sqrt(degrees)
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _share_within(middle, degrees) < wanted else (low, middle)
    return math.sqrt(degrees) * math.tan(middle)


def _share_within(angle: float, degrees: int) -> float:
    """Return the share between -t and t, where t = sqrt(degrees) tan(angle).

    It is a sum of powers of the cosine (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
    """
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for factor in range(2 + odd, degrees + 1, 2):
        total += term
        term *= cosine * cosine * (factor - 1) / factor
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
