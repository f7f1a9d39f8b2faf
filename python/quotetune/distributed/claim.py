"""The directory of a plan and its shards belongs to one command at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from quotetune.errors import UsageError

_LOCK = "lock"
# What a command that was killed before it had a plan leaves.
_LEFT = (_LOCK, ".plan.json.partial", ".sample-*")


@contextmanager
def claimed(parts: Path) -> Iterator[None]:
    """Keep other commands from a directory until the block or this process ends.

    Args:
        parts: The directory. It is made if it does not exist.

    Raises:
        UsageError: Another command works there, the directory contains something else, cannot be
            made, or is on a file system without locks.
    """
    while True:
        with _opened(parts) as file:
            _lock(file, parts)
            # A command that ends removes the directory, perhaps after this one opened the file.
            if _is_still_there(file, parts):
                yield
                return


def _opened(parts: Path) -> IO[str]:
    """Open the file to lock, in a directory that is made if it does not exist."""
    try:
        parts.mkdir(parents=True, exist_ok=_is_ours(parts))
        return (parts / _LOCK).open("a")
    except OSError as error:
        raise UsageError(
            f"{parts}: cannot be made ({error.strerror}): delete it, or choose another output"
        ) from error


def _lock(file: IO[str], parts: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            f"{parts}: another command builds there: wait until it ends, or choose another output"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{parts}: its file system has no locks ({error.strerror}), so two commands could"
            " build there at once: choose another output"
        ) from error


def _is_still_there(file: IO[str], parts: Path) -> bool:
    """Tell whether an open file is the one that other commands would lock."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), (parts / _LOCK).stat())
    except FileNotFoundError:
        return False


def _is_ours(parts: Path) -> bool:
    """Tell whether a directory has a plan, or nothing that a command without one did not leave."""
    if not parts.is_dir():
        return False
    if (parts / "plan.json").exists():
        return True
    return all(any(path.match(left) for left in _LEFT) for path in parts.iterdir())
