"""Progress in bytes on standard error: a bar on a terminal, otherwise a line every 5 seconds."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_UPDATES = 0.1


class ByteProgress:
    """A display of phases, one after the other, each with its bytes/s and the time left."""

    def __init__(self) -> None:
        self._phase = ""
        self._started = self._shown = 0.0
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Report `done` of `total` bytes; a total of 0 means that it is not known."""
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._started, self._shown = phase, now, now
            if self._bar is not None:
                for task in self._bar.task_ids:
                    self._bar.remove_task(task)
                self._bar.add_task(phase, total=total or None)
        pause = _SECONDS_BETWEEN_LINES if self._bar is None else _SECONDS_BETWEEN_UPDATES
        if now - self._shown < pause and done != total:
            return
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total or None)
        elif now - self._shown >= pause:
            print(self._line(done, total, now - self._started), file=sys.stderr, flush=True)
        else:
            return
        self._shown = now

    def _line(self, done: int, total: int, seconds: float) -> str:
        rate = done / seconds
        line = f"{self._phase}: {decimal(done)}"
        if total:
            left = (total - done) / rate if rate else 0.0
            return f"{line} of {decimal(total)}, {decimal(int(rate))}/s, {left:.0f} s left"
        return f"{line}, {decimal(int(rate))}/s"
