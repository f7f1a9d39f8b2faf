"""A tournament's schedule: which candidates of a prompt a judge with few comparisons compares."""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, pairwise

from quotetune.runtime.chance import drawn


def compared(texts: Sequence[str], most: int | None, key: str) -> list[tuple[int, int]]:
    """Choose which candidates are compared, all of them equally often as far as possible.

    Args:
        texts: The candidates; equal ones are not compared.
        most: The highest number of comparisons; None compares every two candidates.
        key: Key that decides who is compared first, as `SEED:PROMPT`.

    Returns:
        Positions in `texts`, the lower one first. If all texts differ, the numbers of comparisons
        of any two candidates differ by one at most.

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
    """Yield every two of `count` players. After any number of games, all have played equally often.

    The last player is in the middle of a circle of the others. An even number of players plays
    rounds of games across the circle, and everyone plays once per round. With an odd number one
    player would be left over. A round is then a cycle through all players, in a zigzag across the
    circle (Walecki's decomposition into Hamiltonian cycles, in Lucas 1892), and everyone plays
    twice. Every second step of the cycle is a game first, then the steps between, so that nobody
    waits for long.
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
