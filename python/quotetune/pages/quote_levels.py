"""The lengths at which a quote's colour changes, in all pages."""

import math

# In n-grams. A quote of the first level has about as many characters as one n-gram.
LEVELS = (1.0, 1.5, 2.5, 4.0)


def levels(n: int) -> list[int]:
    """Return the lengths, in characters, from which a quote has the next colour.

    Args:
        n: The index's n; 0 if there is no index.

    Example:
        >>> levels(25)
        [25, 38, 63, 100]
    """
    return [math.ceil(factor * n) for factor in LEVELS]
