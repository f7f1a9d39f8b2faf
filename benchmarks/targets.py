"""Targets of a benchmark, and whether the measurement met them, by wall time."""

from collections.abc import Iterable, Sequence

from benchmarks.settings import QUOTETUNE
from benchmarks.table import Row, number


def targets(*aims: str) -> str:
    """Return the sentence that lists targets.

    Example:
        >>> targets(target("5 ms", 0.11, most=5), target("2 ms on eight threads", None, most=2))
        'Target: 5 ms (met: 0.11), and 2 ms on eight threads (not measured).'
    """
    *first, last = aims
    return f"Target: {', '.join(first)}{', and ' if first else ''}{last}."


def target(
    text: str, measured: float | None, *, least: float | None = None, most: float | None = None
) -> str:
    """Say whether a target was met.

    Args:
        text: The target in words.
        measured: The measured number; None if it was not measured.
        least: The smallest number that meets it; None for no such bound.
        most: The largest one; None for no such bound.

    Example:
        >>> target("80 MB/s", 54.6, least=80)
        '80 MB/s (missed: 54.6)'
    """
    if measured is None:
        return f"{text} (not measured)"
    met = (least is None or measured >= least) and (most is None or measured <= most)
    return f"{text} ({'met' if met else 'missed'}: {number(measured)})"


def rate(rows: Sequence[Row], system: str) -> float | None:
    """Return the amount of work per second of a system; None if it was not measured."""
    for row in rows:
        if row.system == system and row.time is not None:
            return row.amount / row.time.wall
    return None


def seconds_each(rows: Sequence[Row], system: str, scale: float) -> float | None:
    """Return the seconds per unit of work, times a scale; None if it was not measured."""
    found = rate(rows, system)
    return None if found is None else scale / found


def times_as_fast(rows: Sequence[Row], peers: Iterable[str]) -> float | None:
    """Return how many times as fast as the fastest peer quotetune is.

    A peer that was given up is slower than its limit says, and is left out if another was measured.
    """
    ours = rate(rows, QUOTETUNE)
    named = set(peers)
    theirs = [found for row in rows if row.system in named if (found := rate(rows, row.system))]
    limits = [row.amount / row.limit for row in rows if row.system in named and row.time is None]
    if ours is None or not theirs + limits:
        return None
    return ours / max(theirs or limits)
