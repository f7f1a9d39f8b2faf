"""Files and directories that appear under their names when they are complete.

What is not complete yet has a hidden name beside them, which nobody else is likely to have taken.
"""

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TextIO

from quotetune.errors import QuotetuneError, UsageError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file; it appears by rename."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file; it appears by rename.

    Raises:
        QuotetuneError: It cannot be written.
    """
    with written(path) as file:
        file.write(text)


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """Open a text file that appears by rename.

    A device or a pipe is written to as it is: a rename would put a file in its place.

    Args:
        path: The file; where it is a link, what that leads to is replaced.

    Yields:
        What is to be written to.

    Raises:
        QuotetuneError: It cannot be written.
    """
    try:
        path = path.resolve()
    except (OSError, RuntimeError) as error:  # a RuntimeError until Python 3.13
        raise QuotetuneError(f"{path}: is a link that leads to itself: remove it") from error
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8") as file:
                yield file
            return
        unfinished = path.with_name(f".{path.name}.partial")
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                yield file
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_be_written(path, error) from error


def _cannot_be_written(path: Path, error: OSError) -> QuotetuneError:
    reason = error.strerror or error
    return QuotetuneError(
        f"{path}: cannot be written ({reason}): make room, or choose another place"
    )


def check_file_can_be(path: Path | None, option: str) -> None:
    """Refuse the name of an output file that cannot be one, before the work that it is to hold.

    Args:
        path: The file; None if none is wanted.
        option: The option that names it.

    Raises:
        UsageError: It is a directory, or in one that is not there.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{option} {path}: it is a directory: name a file")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{option} {path}: there is no such directory: make it, or correct it")


@contextmanager
def written_directory(path: Path) -> Iterator[Path]:
    """Make a directory that appears by rename when it is complete.

    Args:
        path: The directory; it must not be there.

    Yields:
        Where its files are to be written.

    Raises:
        UsageError: It is there already.
        QuotetuneError: It cannot be written.
    """
    if path.exists():
        raise UsageError(f"{path} is there already: delete it, or choose another output")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work = Path(mkdtemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent))
    except OSError as error:
        raise _cannot_be_written(path, error) from error
    try:
        complete = work / path.name
        complete.mkdir()
        yield complete
        complete.rename(path)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _cannot_be_written(path, error) from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
