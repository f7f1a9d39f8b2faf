"""Which candidates of a prompt are compared, where not every two are: a tournament's schedule."""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, pairwise

from quotetune.runtime.chance import drawn


def compared(texts: Sequence[str], most: int | None, key: str) -> list[tuple[int, int]]:
    """Choose which candidates are compared, each one as often as another as far as possible.

    Args:
        texts: The candidates; equal ones are not compared.
        most: How many comparisons there may be; None takes every two candidates.
        key: What decides who is compared first, as `SEED:PROMPT`.

    Returns:
        Positions in `texts`, the lower one first. If all texts differ, no candidate is in more than
        one comparison more than another one.

    Example:
        >>> compared(["a", "b", "a"], None, "")
        [(0, 1), (1, 2)]
        >>> len(compared(["a", "b", "c", "d"], 2, "0:p"))
        2
    """
    if most is None:
        pairs: Iterator[tuple[int, int]] = combinations(range(len(texts)), 2)
    else:
        order = sorted(range(len(texts)), key=lambda i: drawn(f"{key}:{i}"))
        pairs = ((order[i], order[j]) for i, j in _schedule(len(texts)))
    return list(islice(((min(p), max(p)) for p in pairs if texts[p[0]] != texts[p[1]]), most))


def _schedule(count: int) -> Iterator[tuple[int, int]]:
    """Yield every two of `count` players; after any number of games all have played alike.

    The last player stands in the middle of a circle of the others. An even number plays rounds of
    games across the circle, in each of which everyone plays once. Of an odd number one would be
    left over: here a round is a way through all players and back, in a zigzag across the circle
    (Walecki's decomposition into Hamiltonian cycles, in Lucas 1892), of which every second step is
    a game before those between, so that everyone plays twice and nobody waits for long.
    """
    circle = count - 1
    if count % 2 == 0:
        for turn in range(circle):
            yield circle, turn
            for k in range(1, count // 2):
                yield (turn + k) % circle, (turn - k) % circle
        return
    for turn in range(circle // 2):
        zigzag = [(turn + (k + 1) // 2 * (-1) ** (k + 1)) % circle for k in range(circle)]
        games = list(pairwise([circle, *zigzag, circle]))
        yield from games[::2] + games[1::2]
