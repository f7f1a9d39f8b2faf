"""The tokens that may come next in a response that is made of given strings."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from quotetune import _core
from quotetune.errors import UsageError


class TokenTrie:
    """Strings, each as the sequence of its tokens.

    A response is from one to `most` of the strings and an end. A million strings of ten tokens take
    52 MB.

    Args:
        sequences: The tokens of each string. One that is the start of another one does not count.
        most: The largest number of strings in a response, 1 or more.
        ends: The tokens that end a response. Without any, it goes on with further strings.

    Raises:
        UsageError: There is no string, or a response may have none.

    Example:
        >>> trie = TokenTrie([[1, 2], [1, 3, 4], [5]], most=2, ends=[0])
        >>> states, tokens = trie.allowed([[], [1], [1], [1, 2], [1, 2, 5]])
        >>> states.tolist(), [own.tolist() for own in tokens]
        ([0, 1, 1, 2, 3], [[1, 5], [2, 3], [1, 5, 0], [0]])
    """

    def __init__(self, sequences: Iterable[Sequence[int]], most: int, ends: Sequence[int]) -> None:
        if most < 1:
            raise UsageError(f"most is {most}: give 1 or more")
        self._trie = _core.TokenTrie(sequences, most, ends)
        if not len(self._trie):
            raise UsageError("a response has no string to be made of: give one or more")

    def __len__(self) -> int:
        """Return the number of different strings."""
        return len(self._trie)

    def allowed(
        self, responses: Sequence[Sequence[int]]
    ) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """Find the tokens that may come next; after an end, only an end may.

        Args:
            responses: The tokens of each response so far.

        Returns:
            The state of each response, as a number, and the tokens that may come next in each
            state. Responses that may go on in the same ways share a state.
        """
        states, counts, tokens = self._trie.allowed(responses)
        return states, np.split(tokens, np.cumsum(counts))[:-1]
