"""Files, directories and links that appear under their names when they are complete.

Until then they have a hidden name in the same directory, `.NAME.partial`. A process that is killed
may leave one behind; the next call that makes the same file or directory replaces it.
"""

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from quotetune.errors import QuotetuneError, UsageError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REMEDY = "make room, or choose another place"
# The remedy where the files that are complete are kept and the work can be resumed.
RESUME = (
    "make room or choose another run directory, and run the same command again, which resumes"
    " from here"
)


def unfinished(path: Path) -> Path:
    """Return the hidden name of a file or directory that is not complete yet.

    Example:
        >>> unfinished(Path("runs/curves.json")).as_posix()
        'runs/.curves.json.partial'
    """
    return path.with_name(f".{path.name}.partial")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file; it appears by rename."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str, *, remedy: str = _REMEDY) -> None:
    """Write a text file; it appears by rename.

    Raises:
        QuotetuneError: It cannot be written; the message ends with the remedy.
    """
    with written(path, remedy=remedy) as file:
        file.write(text)


@contextmanager
def written(path: Path, *, remedy: str = _REMEDY) -> Iterator[TextIO]:
    """Open a text file that appears by rename; see `written_file`."""
    with written_file(path, remedy=remedy) as target, target.open("w", encoding="utf-8") as file:
        yield file


@contextmanager
def written_file(path: Path, *, remedy: str = _REMEDY) -> Iterator[Path]:
    """Let a caller write a file of any kind that appears by rename.

    A device or a pipe is written to as it is: a rename would put a file in its place.

    Args:
        path: The file; if it is a link, the file that it leads to is replaced.
        remedy: The end of the message if it cannot be written.

    Yields:
        The path to write to.

    Raises:
        QuotetuneError: It cannot be written.
    """
    # Before links are followed: /dev/stdout leads to a name that no file has if it is a pipe.
    is_special = path.exists() and not path.is_file()
    try:
        path = path if is_special else path.resolve()
    except (OSError, RuntimeError) as error:  # a RuntimeError until Python 3.13
        raise QuotetuneError(f"{path}: is a link that leads to itself: remove it") from error
    try:
        if is_special:
            yield path
            return
        try:
            yield unfinished(path)
            unfinished(path).replace(path)
        finally:
            unfinished(path).unlink(missing_ok=True)
    except BrokenPipeError:
        # A pipe whose reader has seen enough. That is no fault.
        raise
    except OSError as error:
        raise _cannot_be_written(path, error, remedy) from error


def write_link(path: Path, target: Path) -> None:
    """Make a symbolic link that appears by rename; an older one is replaced.

    Args:
        path: The link.
        target: The path that it leads to, as it is stored in the link.

    Raises:
        QuotetuneError: It cannot be made.
    """
    link = unfinished(path)
    try:
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
            link.replace(path)
        finally:
            link.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_be_written(path, error) from error


@contextmanager
def written_directory(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Make a directory that appears by rename when it is complete.

    Args:
        path: The directory.
        replace: Whether it takes the place of an older one, which stays until the new one is
            complete.

    Yields:
        Where its files are to be written.

    Raises:
        UsageError: It exists already, and is not to be replaced.
        QuotetuneError: It cannot be written.
    """
    if path.exists() and not replace:
        raise UsageError(f"{path}: exists already: delete it, or choose another output")
    work = unfinished(path)
    complete = work / path.name
    try:
        _remove(work)
        complete.mkdir(parents=True)
    except OSError as error:
        raise _cannot_be_written(path, error) from error
    try:
        yield complete
        if replace and path.exists():
            path.rename(work / f"{path.name}.old")
        complete.rename(path)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _cannot_be_written(path, error) from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_file_can_be(path: Path | None, option: str) -> None:
    """Refuse an output path that cannot be a file, before the work whose result it is to contain.

    Args:
        path: The file; None if there is none.
        option: The option that names it.

    Raises:
        UsageError: It is a directory, or its directory does not exist.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{option} {path}: is a directory: name a file")
    if not path.absolute().parent.is_dir():
        raise UsageError(
            f"{option} {path}: its directory does not exist: create it, or correct the path"
        )


def _remove(path: Path) -> None:
    """Remove a file or a directory if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _cannot_be_written(path: Path, error: OSError, remedy: str = _REMEDY) -> QuotetuneError:
    reason = error.strerror or error
    return QuotetuneError(f"{path}: cannot be written ({reason}): {remedy}")
