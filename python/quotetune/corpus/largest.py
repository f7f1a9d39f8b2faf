"""The largest numbers of each row of a matrix, without a sort of the whole row."""

import numpy as np
from numpy.typing import NDArray

from quotetune import _core
from quotetune.errors import UsageError


def largest(rows: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the columns of the largest numbers of each row, the largest first.

    Of equal numbers, any may be returned. A NaN may take a place or be left out. The rows are
    divided among the threads of the pool.

    Args:
        rows: Numbers of shape (rows, columns).
        count: Numbers per row.

    Returns:
        Columns of shape (rows, count).

    Raises:
        UsageError: There are fewer columns.

    Example:
        >>> largest(np.float32([[0.0, 3.0, 2.0]]), 2)
        array([[1, 2]])
    """
    if count > rows.shape[1]:
        raise UsageError(f"{count} of {rows.shape[1]} columns: ask for no more than there are")
    return _core.largest(rows, count)
