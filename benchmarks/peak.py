"""The time and the most memory of a command."""

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Seconds between two readings of the command's memory.
INTERVAL = 0.05


@dataclass
class Peak:
    """The most memory that a process took, in KiB.

    Attributes:
        anonymous: Memory of its own (RssAnon), read at intervals.
        resident: The same with the pages of files that it maps (VmHWM), which the system takes
            back when it needs them. The kernel keeps this maximum, so no peak is missed.
    """

    anonymous: int = 0
    resident: int = 0

    def look(self, process: int) -> None:
        """Include the current numbers of a process; one that has ended has none."""
        try:
            status = Path(f"/proc/{process}/status").read_text("utf-8")
        except OSError:
            return
        numbers = dict(line.split(":", 1) for line in status.splitlines())
        self.anonymous = max(self.anonymous, _kibibytes(numbers, "RssAnon"))
        self.resident = max(self.resident, _kibibytes(numbers, "VmHWM"))


def watched(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[float, Peak]:
    """Run a command; return its seconds and its most memory, without that of its children.

    Raises:
        SystemExit: The command failed; this says what it printed.
    """
    peak = Peak()
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(command, stdout=output, stderr=output, env=environment) as child:
            while child.poll() is None:
                peak.look(child.pid)
                time.sleep(INTERVAL)
        seconds = time.monotonic() - start
        if child.returncode:
            output.seek(0)
            raise SystemExit(output.read().decode(errors="replace"))
    return seconds, peak


def _kibibytes(numbers: dict[str, str], name: str) -> int:
    return int(numbers.get(name, "0 kB").split()[0])
