"""Files and directories that appear under their names when they are complete."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError, UsageError


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file; it appears by rename."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file; it appears by rename. A device or a pipe is written to as it is.

    Raises:
        QuotetuneError: It cannot be written.
    """
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        unfinished = path.with_name(path.name + ".tmp")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise QuotetuneError(
            f"{path}: cannot be written ({error.strerror}): make room, or choose another place"
        ) from error


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
    partial = path.with_name(path.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        partial.rename(path)
    except OSError as error:
        reason = error.strerror or error
        raise QuotetuneError(f"{path}: cannot be written ({reason}): make room") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
