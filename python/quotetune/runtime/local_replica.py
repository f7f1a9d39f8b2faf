"""A replica that is a child process of this one, in a group of processes of its own."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

from quotetune.runtime.child import SECONDS_TO_END, obituary


class LocalReplica:
    """A child process; see `hand_out.Replica`.

    Args:
        command: Its command line, of `child.child_command`.
        environment: All its environment variables.
        log: The file to which its standard error is appended.
        name: The work in one word, for messages.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, name: str
    ) -> None:
        self._log = log
        self._name = name
        with log.open("ab") as file:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=environment,
                start_new_session=True,
            )
        # Its engine may have inherited its standard output, which stays open until both have ended.
        self._waiter = Thread(target=self._end_group, daemon=True)
        self._waiter.start()

    def lines(self) -> Iterator[bytes]:
        """Yield its lines; see `hand_out.Replica`."""
        assert self._child.stdout is not None
        yield from self._child.stdout
        self._waiter.join()

    def send(self, line: str) -> None:
        """Give it a line; see `hand_out.Replica`."""
        assert self._child.stdin is not None
        with suppress(OSError, ValueError):  # it has ended, or was told to
            self._child.stdin.write(f"{line}\n".encode())
            self._child.stdin.flush()

    def failure(self) -> str | None:
        """Say how it ended; see `hand_out.Replica`."""
        status = self._child.returncode
        return obituary(self._name, status, self._log) if status else None

    def end(self) -> None:
        """End it; see `hand_out.Replica`."""
        assert self._child.stdin is not None
        with suppress(OSError):
            self._child.stdin.close()
        self._waiter.join(SECONDS_TO_END)
        if self._waiter.is_alive():
            self._kill()
            self._waiter.join()

    def _end_group(self) -> None:
        self._child.wait()
        self._kill()

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
