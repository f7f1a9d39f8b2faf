"""The files of a corpus, from the names that a user gives: files, folders, globs, `-`."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from quotetune.errors import UsageError

JSONL = (".jsonl", ".ndjson")
PARQUET = ".parquet"
ENDINGS = (*JSONL, ".jsonl.gz", ".jsonl.zst", PARQUET, ".txt")
STDIN = Path("-")

_FORMATS = "JSONL (.jsonl, .jsonl.gz, .jsonl.zst), Parquet (.parquet) and text (.txt)"


def expand_inputs(inputs: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """List the files of inputs.

    A folder means all files of a known format below it. A glob means its matches, where `**`
    matches folders of any depth. `-` means JSONL on stdin. The files of a folder or glob are sorted
    by name. A name that exists is not a glob, even if it looks like one.

    Args:
        inputs: Names of files, folders and globs.

    Returns:
        The files, in the order of the inputs.

    Raises:
        UsageError: An input does not exist, matches nothing, or is of no known format.

    Example:
        >>> expand_inputs(["-"])
        [PosixPath('-')]
    """
    files: list[Path] = []
    for given in inputs:
        if not os.fspath(given):
            raise UsageError("an input has no name: give a file, a folder or a glob")
        path = Path(given)
        if path == STDIN or path.exists():
            files += _files_of(path)
        elif glob.has_magic(str(path)):
            # Path.glob takes no absolute pattern.
            names = glob.glob(str(path), recursive=True)  # noqa: PTH207
            matches = sorted(Path(name) for name in names)
            found = [file for match in matches for file in _files_below(match)]
            if not found:
                raise UsageError(f"{path}: matches no file: inputs are {_FORMATS}")
            files += found
        else:
            raise UsageError(f"{path}: no such file or folder: check the path")
    return files


def _files_of(path: Path) -> list[Path]:
    if path == STDIN:
        return [path]
    found = _files_below(path)
    if not found:
        where = "no file of a known format" if path.is_dir() else "unknown format"
        raise UsageError(f"{path}: {where}: inputs are {_FORMATS}")
    return found


def _files_below(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and _is_known(file))
    return [path] if _is_known(path) else []


def _is_known(path: Path) -> bool:
    return path.name.endswith(ENDINGS)
