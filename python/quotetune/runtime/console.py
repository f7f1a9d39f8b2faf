"""The messages of long commands on standard error: rich on a terminal, plain lines otherwise."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

_SECONDS_BETWEEN_LINES = 15.0


class Report(Protocol):
    """Reports the progress of a step."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report progress.

        Args:
            done: Units done.
            total: All units.
            note: Anything else worth showing, such as `480 tokens/s`.
        """


def say(text: str) -> None:
    """Print a line."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(text)


@contextmanager
def status() -> Iterator[Callable[[str], None]]:
    """Show what a command is doing, for as long as it does it.

    Yields:
        The function to call with each new work in words.
    """
    if not sys.stderr.isatty():
        yield say
        return
    with Console(stderr=True).status("") as shown:
        # As text, because a path can contain what rich reads as markup.
        yield lambda work: shown.update(Text(work))


@contextmanager
def progress(name: str, unit: str) -> Iterator[Report]:
    """Show the progress of a step while it runs.

    Args:
        name: The step.
        unit: The units that are counted, such as `steps`.

    Yields:
        The function to report with.
    """
    if not sys.stderr.isatty():
        yield _Lines(name, unit)
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(name, total=None, note="")

        def report(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield report


class _Lines:
    """Prints a line at the first and at the last report, and at most every 15 seconds between."""

    def __init__(self, name: str, unit: str) -> None:
        self._name = name
        self._unit = unit
        self._next = 0.0
        self._complete: int | None = None

    def __call__(self, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if done == total and self._complete == total:
            return  # a second report of the end, perhaps with another note
        self._complete = total if done == total else None
        if now >= self._next or done == total:
            self._next = now + _SECONDS_BETWEEN_LINES
            end = f", {note}" if note else ""
            print(f"{self._name}: {done}/{total} {self._unit}{end}", file=sys.stderr, flush=True)
