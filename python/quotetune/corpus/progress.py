"""The progress of builds and changes."""

from collections.abc import Callable
from typing import TypeAlias

# Called with (phase, done, total) in bytes; total is 0 if it is not known.
Progress: TypeAlias = Callable[[str, int, int], None]


def silent(phase: str, done: int, total: int) -> None:
    """Report nothing."""


def in_phase(progress: Progress | None, phase: str) -> Callable[[int, int], None]:
    """Return the function that the core calls with (done, total) during a phase."""
    report = progress or silent
    return lambda done, total: report(phase, done, total)
