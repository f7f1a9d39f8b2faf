"""A command in little memory, with a cold cache and a chosen read-ahead. All of it takes root."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
NAME = "quotetune-bench"
# Seconds that a group may take to see that its last process has ended.
ENDING = 5.0


def require_root() -> None:
    """End unless this process may make control groups and set the disk's read-ahead.

    Raises:
        SystemExit: It is not root's.
    """
    if os.geteuid():
        raise SystemExit(
            "error: table cold: limiting memory and setting the disk's read-ahead take root: "
            "run it as root, or leave it out of --table"
        )


@contextmanager
def limited_memory(limit: int) -> Iterator[Path]:
    """Make a control group, of version 1 or 2, whose processes have `limit` bytes with all caches.

    Args:
        limit: Bytes, including the page cache of files that the group's processes read.

    Yields:
        Its directory. A process joins it by writing its id to `cgroup.procs`.

    Raises:
        SystemExit: The system has no memory controller.
    """
    if (CGROUPS / "memory").is_dir():
        parent, setting = CGROUPS / "memory", "memory.limit_in_bytes"
    elif (CGROUPS / "cgroup.controllers").exists():
        parent, setting = CGROUPS, "memory.max"
        (parent / "cgroup.subtree_control").write_text("+memory", "utf-8")
    else:
        raise SystemExit(
            f"error: table cold: no memory controller in {CGROUPS}: mount control groups there"
        )
    group = parent / f"{NAME}-{os.getpid()}"
    group.mkdir()
    try:
        (group / setting).write_text(str(limit), "utf-8")
        yield group
    finally:
        _remove(group)


@contextmanager
def read_ahead(queue: Path, kibibytes: int) -> Iterator[None]:
    """Set how far a disk reads ahead, and put back what it was, also when this process is ended.

    Args:
        queue: The disk's directory of settings, as `queue_of` returns it.
        kibibytes: The distance.
    """
    setting = queue / "read_ahead_kb"
    before = setting.read_text("utf-8")
    # By default, this signal ends Python at once.
    ends = signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: ended by SIGTERM"))
    try:
        setting.write_text(str(kibibytes), "utf-8")
        yield
    finally:
        setting.write_text(before, "utf-8")
        signal.signal(signal.SIGTERM, ends)


def queue_of(path: Path) -> Path:
    """Return the settings of the disk that holds a file: `/sys/block/DISK/queue`.

    Raises:
        SystemExit: The file is on no disk, e.g. in memory.
    """
    device = path.stat().st_dev
    block = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve()
    # A partition has no queue of its own.
    for place in (block, block.parent):
        if (place / "queue" / "read_ahead_kb").exists():
            return place / "queue"
    raise SystemExit(f"error: table cold: {path} is on no disk: set TMPDIR to a directory on one")


def forget(files: Iterable[Path]) -> None:
    """Drop files from the page cache. The caches of other programs stay as they are."""
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            # Only what is on the disk can be dropped.
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def output_in(group: Path, command: Sequence[str]) -> str:
    """Run a command in a control group and return what it printed.

    Raises:
        SystemExit: The command failed; this says what it printed.
    """
    joined = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group), *command]
    done = subprocess.run(joined, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _remove(group: Path) -> None:
    deadline = time.monotonic() + ENDING
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
