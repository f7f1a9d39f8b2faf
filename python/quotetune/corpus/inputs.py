"""The files of a corpus, from the names that a user gives: files, folders, globs, `-`."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import dropwhile, takewhile
from pathlib import Path, PurePath

from quotetune.corpus.formats import (
    KNOWN_FORMATS,
    STDIN,
    Format,
    format_of_name,
    is_compressed_name,
    is_parquet,
    stem,
    unknown_format,
)
from quotetune.errors import UsageError

_Identity = tuple[int, int]


@dataclass(frozen=True)
class InputFile:
    """A file of a corpus.

    Attributes:
        path: Where it is; `-` for standard input.
        format: What it contains.
        name: Default source of its documents, without the ending: the file's name, or for a file
            below a folder or from a glob its path relative to the folder or the glob's fixed part.
        is_given: Whether the user named the file itself, and not a folder or glob.
    """

    path: Path
    format: Format
    name: str
    is_given: bool

    @property
    def can_be_cut(self) -> bool:
        """Whether reading can start at any line."""
        return self.format == "jsonl" and not is_compressed_name(self.path.name)


@dataclass
class Inputs:
    """The files of a corpus, and what is left out.

    Attributes:
        files: The files, in order.
        left_out: For each reason the paths that are left out for it.
    """

    files: list[InputFile] = field(default_factory=list)
    left_out: dict[str, list[Path]] = field(default_factory=dict)

    def leave_out(self, path: Path, reason: str) -> None:
        """Note a path that is not read."""
        self.left_out.setdefault(reason, []).append(path)

    def notices(self) -> list[str]:
        """Describe what is left out, one line per reason."""
        return [f"{reason}: {_some(paths)} left out" for reason, paths in self.left_out.items()]


def expand_inputs(
    inputs: Iterable[str | os.PathLike[str]],
    format: Format | None = None,
    root: str | os.PathLike[str] | None = None,
) -> Inputs:
    """List the files of inputs.

    A folder means all files of a known format below it, in the order of their names; names that
    start with a dot are passed over. A glob means its matches, where `**` matches folders of any
    depth. `-` means stdin. A name that exists is not a glob, even if it looks like one. Links are
    followed, and each real file is read once.

    Args:
        inputs: Names of files, folders and globs.
        format: Format of all files; by default each file's name decides.
        root: Folder that the default sources are relative to; by default see `InputFile.name`.

    Returns:
        The files, in the order of the inputs, and what is left out.

    Raises:
        UsageError: An input does not exist, matches nothing, cannot be read, or is of no known
            format; a file is not below `root`.

    Example:
        >>> [file.format for file in expand_inputs(["-"]).files]
        ['jsonl']
    """
    return _Expansion(format, None if root is None else Path(root)).of(inputs)


class _Expansion:
    """Collects the files of inputs."""

    def __init__(self, format: Format | None, root: Path | None) -> None:
        self._format = format
        self._root = root
        self._result = Inputs()
        self._read: dict[_Identity, Path] = {}

    def of(self, inputs: Iterable[str | os.PathLike[str]]) -> Inputs:
        for given in inputs:
            if not os.fspath(given):
                raise UsageError("an input has no name: give a file, a folder or a glob")
            try:
                self._add_input(Path(given))
            except OSError as error:
                raise UsageError(
                    f"{error.filename or given}: cannot be read ({error.strerror}): give yourself "
                    "the permission, or name other files"
                ) from error
        return self._result

    def _add_input(self, path: Path) -> None:
        if path == STDIN:
            _check_pipe(path, self._format)
            file = InputFile(path, self._format or "jsonl", "stdin", is_given=True)
            self._result.files.append(file)
        elif path.is_dir():
            self._add_all(path, self._below(path), path)
        elif path.exists():
            self._add_given(path)
        elif path.is_symlink():
            raise UsageError(f"{path}: a link to a file that does not exist: fix the link")
        elif glob.has_magic(str(path)):
            self._add_all(path, self._matches(path), _fixed_part(path))
        else:
            raise UsageError(f"{path}: no such file or folder: check the path")

    def _add_given(self, path: Path) -> None:
        is_pipe = not path.is_file()
        if is_pipe:
            _check_pipe(path, self._format)
        format = self._format_of(path) or ("jsonl" if is_pipe else None)
        if format is None:
            raise UsageError(unknown_format(path))
        self._add(path, format, path.name, is_given=True)

    def _add_all(self, given: Path, paths: Iterator[Path], base: Path) -> None:
        before = len(self._result.files)
        found = known = False
        for path in paths:
            found = True
            format = self._format_of(path)
            if format is None:
                self._result.leave_out(path, "the name has no known ending")
                continue
            known = True
            self._add(path, format, path.relative_to(base), is_given=False)
        if not found and not given.is_dir():
            raise UsageError(f"{given}: matches no file: check the pattern")
        if len(self._result.files) == before and not known:
            where = "below it" if given.is_dir() else "among its matches"
            raise UsageError(
                f"{given}: no file of a known format {where}: inputs are {KNOWN_FORMATS}, or give "
                "the format of all files with --format"
            )

    def _format_of(self, path: Path) -> Format | None:
        return "parquet" if is_parquet(path) else self._format or format_of_name(path.name)

    def _add(self, path: Path, format: Format, name: str | PurePath, *, is_given: bool) -> None:
        if path.is_file():
            identity = _identity(path)
            first = self._read.get(identity)
            if first is not None:
                if first != path:
                    self._result.leave_out(path, "another name of a file that is read")
                return
            self._read[identity] = path
        if self._root is not None:
            try:
                name = path.resolve().relative_to(self._root.resolve())
            except ValueError as error:
                raise UsageError(
                    f"{path}: is not below --root {self._root}: name a folder above all inputs"
                ) from error
        relative = PurePath(name)
        shown = relative.with_name(stem(relative.name)).as_posix()
        self._result.files.append(InputFile(path, format, unicode_name(shown), is_given))

    def _matches(self, pattern: Path) -> Iterator[Path]:
        start = _fixed_part(pattern)
        found = dict.fromkeys(self._expand(start, _magic_parts(pattern)) if start.is_dir() else ())
        for path in sorted(found):
            if not path.is_dir():
                yield from self._regular(path)
            elif not found.keys() & set(path.parents):  # which have all of its files
                yield from self._below(path)

    def _expand(
        self, folder: Path, parts: Sequence[str], above: frozenset[_Identity] = frozenset()
    ) -> Iterator[Path]:
        """Yield what the parts of a glob match below a folder.

        `glob` itself passes over folders that it cannot read, and follows links in circles.
        """
        part, *rest = parts
        if part == "**":
            identity = _identity(folder)
            if identity in above:
                self._result.leave_out(folder, "a link to a folder that contains it")
                return
            above |= {identity}
            yield from self._expand(folder, rest, above) if rest else [folder]
        for name in sorted(os.listdir(folder)):  # noqa: PTH208
            path = folder / name
            if part == "**":
                if not name.startswith(".") and path.is_dir():
                    yield from self._expand(path, parts, above)
            elif fnmatchcase(name, part) and (part.startswith(".") or not name.startswith(".")):
                if not rest:
                    yield path
                elif path.is_dir():
                    yield from self._expand(path, rest, above)

    def _below(self, folder: Path, above: frozenset[_Identity] = frozenset()) -> Iterator[Path]:
        """Yield the files below a folder, in the order of their names."""
        above |= {_identity(folder)}
        for name in sorted(os.listdir(folder)):  # noqa: PTH208
            path = folder / name
            if name.startswith("."):
                continue
            if not path.is_dir():
                yield from self._regular(path)
            elif _identity(path) in above:
                self._result.leave_out(path, "a link to a folder that contains it")
            else:
                yield from self._below(path, above)

    def _regular(self, path: Path) -> Iterator[Path]:
        if path.is_file():
            yield path
        elif path.exists():
            self._result.leave_out(path, "not a regular file")
        else:
            self._result.leave_out(path, "a link to a file that does not exist")


def _check_pipe(path: Path, format: Format | None) -> None:
    """Refuse Parquet from a pipe: its end has to be read first."""
    if format == "parquet":
        name = "stdin" if path == STDIN else str(path)
        raise UsageError(f"{name}: a pipe cannot be read as Parquet: name the file")


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_dev, status.st_ino


def _fixed_part(pattern: Path) -> Path:
    """Return the folder that a glob starts from."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), pattern.parts))


def _magic_parts(pattern: Path) -> Sequence[str]:
    """Return the parts of a glob from the first one that can match several names."""
    parts = list(dropwhile(lambda part: not glob.has_magic(part), pattern.parts))
    # A second `**` in a row means nothing.
    return [
        part
        for part, before in zip(parts, [None, *parts], strict=False)
        if not part == before == "**"
    ]


def unicode_name(name: str) -> str:
    """Write the bytes of a name that are not UTF-8 as %XX."""
    escaped = os.fsencode(name).decode("utf-8", "surrogateescape")
    return "".join(
        f"%{ord(character) - 0xDC00:02X}" if "\udc80" <= character <= "\udcff" else character
        for character in escaped
    )


def _some(paths: list[Path]) -> str:
    """Count paths, and name the first of them."""
    shown = ", ".join(map(str, paths[:3]))
    more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return f"{shown}{more}"
