"""The parts that a child makes: all that are missing, or those that its parent hands out."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from quotetune.runtime.child import Ask
from quotetune.runtime.hand_out import AHEAD, NEXT
from quotetune.sampling.backend import Request

_Part = tuple[int, dict[str, Request]]


class Wanted(Protocol):
    """The numbers of the parts to make. Each is given once."""

    def next(self) -> int | None:
        """Return a part to be made now; None if all are made."""
        ...

    def ahead(self) -> int | None:
        """Return a part to be made after this one; None if there is none yet."""
        ...


class ListedParts:
    """Parts in their order, for a child that makes them all."""

    def __init__(self, parts: Iterable[int]) -> None:
        self._left = deque(parts)

    def next(self) -> int | None:
        """Return the next part; see `Wanted`."""
        return self._left.popleft() if self._left else None

    ahead = next


class AskedParts:
    """Parts that the parent hands out."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def next(self) -> int | None:
        """Wait for a part; see `Wanted`."""
        return _number(self._ask(NEXT))

    def ahead(self) -> int | None:
        """Ask for a part without waiting for one; see `Wanted`."""
        return _number(self._ask(AHEAD))


def _number(answer: str) -> int | None:
    return int(answer) if answer else None


class PartsInTurn:
    """Parts with their requests, of which the next one may be taken while one is made.

    Args:
        first: The part that is made first.
        wanted: Gives the others.
        requests: Returns the requests of a part.
    """

    def __init__(
        self, first: int, wanted: Wanted, requests: Callable[[int], dict[str, Request]]
    ) -> None:
        self._first = first
        self._wanted = wanted
        self._requests = requests
        self._taken: _Part | None = None

    def __iter__(self) -> Iterator[_Part]:
        """Yield the number of each part, and its requests by the ids of their prompts."""
        part = self._read(self._first)
        while part is not None:
            self._taken = None
            yield part
            part = self._taken or self._read(self._wanted.next())

    def ahead(self) -> dict[str, Request]:
        """Take the next part, and return its requests; none if it is not known yet."""
        self._taken = self._read(self._wanted.ahead())
        return {} if self._taken is None else self._taken[1]

    def _read(self, number: int | None) -> _Part | None:
        return None if number is None else (number, self._requests(number))
