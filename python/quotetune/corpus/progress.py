"""How builds and changes report their progress."""

from collections.abc import Callable
from typing import TypeAlias

# Called with (phase, done, total), in bytes; total is 0 where nobody knows it.
Progress: TypeAlias = Callable[[str, int, int], None]


def silent(phase: str, done: int, total: int) -> None:
    """Report to nobody."""


def in_phase(progress: Progress | None, phase: str) -> Callable[[int, int], None]:
    """Return what the core calls with (done, total) during a phase."""
    report = progress or silent
    return lambda done, total: report(phase, done, total)
