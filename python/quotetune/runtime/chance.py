"""Random draws that are the hash of a key.

They are the same on every machine, and do not depend on earlier draws.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TypeVar

_Item = TypeVar("_Item")


def drawn(key: str) -> int:
    """Draw a number from 0 to 2**64 - 1.

    Example:
        >>> drawn("7:a")
        8982479895066589975
    """
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")


def from_drawn_place(items: Sequence[_Item], key: str) -> Iterator[_Item]:
    """Yield all items once, in their order, from a drawn place on and around.

    Example:
        >>> list(from_drawn_place("abcd", "7:a"))
        ['d', 'a', 'b', 'c']
    """
    if items:
        first = drawn(key) % len(items)
        yield from items[first:]
        yield from items[:first]
