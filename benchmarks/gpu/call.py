"""A command with a limit, after which it and all processes that it started are gone."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


def call(
    command: Sequence[str], log: Path, limit: float, environment: Mapping[str, str]
) -> int | None:
    """Run a command.

    Args:
        command: The command. It should end when its standard input is closed, because that happens
            however this process ends.
        log: What it prints is appended to this file.
        limit: Seconds after which it is killed.
        environment: Its environment.

    Returns:
        Its exit status; None if it was killed at the limit.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            env=environment,
            start_new_session=True,
        )
        try:
            return child.wait(max(limit, 0.0))
        except subprocess.TimeoutExpired:
            return None
        finally:
            # Also what it left behind: an engine keeps the GPU's memory.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            assert child.stdin is not None
            child.stdin.close()


@contextmanager
def only_call(output: Path) -> Iterator[None]:
    """Refuse a second call on the same results: it would measure beside the first one.

    Args:
        output: The directory of the results. The lock in it ends with the process.

    Raises:
        SystemExit: Another call is at work.
    """
    with (output / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SystemExit(
                f"error: {output}: another call is at work: wait until it ends"
            ) from error
        yield


def last_line(log: Path) -> str:
    """Return the last line of a log that says something."""
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it printed nothing")


class Deadline:
    """The end of this call.

    Args:
        limit: Seconds from now.
    """

    def __init__(self, limit: float) -> None:
        self._end = time.monotonic() + limit

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._end - time.monotonic()
