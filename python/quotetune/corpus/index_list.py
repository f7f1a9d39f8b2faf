"""A list of indexes in a `.json` file, which are opened as one.

Wherever a command or a config takes the path of an index, it takes such a file. It has the paths of
the directories in the order of their documents: `["part-1", "part-2"]`. Relative paths are relative
to the file, so that it can be moved with its indexes.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quotetune.errors import UsageError, reason_of, unread_because
from quotetune.runtime.jsonl import is_unicode, parse_json

_MANIFEST = "manifest.json"
_FORM = 'give a JSON list of the directories of indexes, such as ["part-1", "part-2"]'
# A mistaken path can be that of a corpus.
_MOST_BYTES = 1 << 20
_SPACE = " \t\r\n"


def is_index_list(path: Path) -> bool:
    """Tell whether a path is that of a list. An index is a directory, whatever its name."""
    return path.suffix.lower() == ".json" and path.is_file()


def members_of(index: str | os.PathLike[str]) -> list[Path]:
    """Return the directories of an index: those that a list names, or its own.

    Args:
        index: The directory of an index, or a `.json` list of such directories.

    Returns:
        The paths, in the order of the documents. Those of a list start with the path of its folder.

    Raises:
        UsageError: The list cannot be read, or a path in it is not that of an index.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> directory = Path(mkdtemp())
        >>> for name in ("a", "b"):
        ...     _ = build_index(["banana"], directory / name)
        >>> _ = (directory / "both.json").write_text('["a", "b"]')
        >>> [path.name for path in members_of(directory / "both.json")]
        ['a', 'b']
    """
    path = Path(index)
    return _read(path) if is_index_list(path) else [path]


def one_directory(index: str | os.PathLike[str]) -> Path:
    """Return the directory of an index that is to change, which a list of indexes cannot.

    Raises:
        UsageError: The path is that of a list.
    """
    path = Path(index)
    if is_index_list(path):
        raise UsageError(
            f"{path}: is a list of indexes, which does not change: change one of the indexes that"
            " it names"
        )
    return path


def _read(path: Path) -> list[Path]:
    text = _text(path)
    try:
        content = parse_json(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise UsageError(f"{path}:{line}: not valid JSON ({reason_of(error)}): {_FORM}") from error
    if not isinstance(content, list) or not content:
        what = "an empty list" if content == [] else f"not a list but {_shown(content)}"
        raise UsageError(f"{path}:1: {what}: {_FORM}")
    lines: dict[Path, int] = {}  # by the directory, whatever the list calls it
    members: list[Path] = []
    for line, member in zip(_lines(text), content, strict=True):
        found = _directory(f"{path}:{line}", path.parent, member)
        directory = found.resolve()
        if directory in lines:
            raise UsageError(
                f"{path}:{line}: {found} is named twice, first in line {lines[directory]}: name"
                " each index once"
            )
        lines[directory] = line
        members.append(found)
    return members


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise UsageError(f"{path}: {size:,} bytes are no list of indexes: {_FORM}")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({unread_because(error)}): {_FORM}") from error


def _directory(where: str, parent: Path, member: Any) -> Path:
    is_path = isinstance(member, str) and member and "\0" not in member and is_unicode(member)
    if not is_path:
        raise UsageError(f"{where}: {_shown(member)} is not the path of a directory: {_FORM}")
    path = parent / str(member)
    if is_index_list(path):
        raise UsageError(f"{where}: {path} is a list itself: name the indexes that it names")
    if not (path / _MANIFEST).exists():
        raise UsageError(
            f"{where}: {path}: no index here (it has no {_MANIFEST}): build it with `quotetune"
            " build-index`, or correct the path, which is relative to the list"
        )
    return path


def _shown(value: Any) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}..."


def _lines(text: str) -> Iterator[int]:
    """Yield the line of each element of a valid JSON list."""
    decoder = json.JSONDecoder(parse_int=str)
    at = text.index("[") + 1
    while True:
        at = len(text) - len(text[at:].lstrip(_SPACE))
        yield text.count("\n", 0, at) + 1
        _, at = decoder.raw_decode(text, at)
        at = len(text) - len(text[at:].lstrip(_SPACE))
        if text[at] == "]":
            return
        at += 1
