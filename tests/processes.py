"""Processes that others started: whether they run, and waiting for what happens at any time."""

import time
from collections.abc import Callable
from pathlib import Path


def is_running(process: int) -> bool:
    """Return whether a process exists and has not ended as one that nobody has waited for."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Wait for what comes at any time; the limit is never reached."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)
