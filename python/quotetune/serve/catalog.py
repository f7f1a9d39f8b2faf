"""The indexes of the server, by name. One that is replaced on disk is opened anew."""

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from quotetune.corpus.index import Index
from quotetune.corpus.index_list import is_index_list, members_of
from quotetune.errors import QuotetuneError

# A change of an index replaces its manifest, so one of the numbers of that file changes. A list of
# indexes has the list as well, and the manifest of each.
_Stamp: TypeAlias = tuple[tuple[int, int, int, int] | None, ...]

# One that is replaced while it is opened can look damaged.
_ATTEMPTS = 3


@dataclass(frozen=True)
class _Open:
    index: Index
    files: tuple[Path, ...]
    stamp: _Stamp

    def change(self) -> _Stamp | None:
        """Return the stamp of its files now, if one has changed. One that is missing has not."""
        now = _stamp(self.files)
        changed = any(new not in (old, None) for old, new in zip(self.stamp, now, strict=True))
        return now if changed else None


class Catalog:
    """Open indexes.

    An index that is open keeps its files while a request uses it, even if they are deleted. So a
    request gets its answer from the index that it began with.

    Args:
        paths: The path of each index, or of a list of indexes, by its name; the first is the
            default.

    Raises:
        QuotetuneError: An index cannot be opened.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> path = mkdtemp() + "/index"
        >>> _ = build_index(["banana"], path)
        >>> catalog = Catalog({"fruit": path})
        >>> _ = build_index(["banana", "cherry"], path, overwrite=True)
        >>> len(catalog["fruit"])
        2
    """

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = {name: Path(path).absolute() for name, path in paths.items()}
        self._open = {name: _opened(path) for name, path in self._paths.items()}
        self._opening = threading.Lock()
        self._damaged: _Stamp | None = None

    @property
    def names(self) -> list[str]:
        """The names of the indexes; the first is the default."""
        return list(self._paths)

    def items(self) -> list[tuple[str, Index]]:
        """Return the indexes with their names."""
        return [(name, self[name]) for name in self._paths]

    def __getitem__(self, name: str) -> Index:
        """Return an index as it is on disk now.

        Raises:
            KeyError: There is no index of this name.
        """
        found = self._open[name]
        if found.change() is not None:
            # The others wait for the thread that opens it, which reads only headers.
            with self._opening:
                found = self._open[name]
                if (stamp := found.change()) is not None:
                    again = self._opened_again(self._paths[name], stamp)
                    found = self._open[name] = again or found
        return found.index

    def _opened_again(self, path: Path, stamp: _Stamp) -> _Open | None:
        """Open an index that has changed; return None if it is damaged, and say so once."""
        for _ in range(_ATTEMPTS):
            try:
                return _opened(path)
            except QuotetuneError as error:
                problem = error
        if stamp != self._damaged:
            print(f"warning: {problem}: the index as it was answers", file=sys.stderr, flush=True)
        self._damaged = stamp
        return None


def _opened(path: Path) -> _Open:
    manifests = [member / "manifest.json" for member in members_of(path)]
    files = (path, *manifests) if is_index_list(path) else tuple(manifests)
    # The stamp is older than what is opened, never newer. So no change is missed.
    stamp = _stamp(files)
    return _Open(Index.open(path), files, stamp)


def _stamp(files: tuple[Path, ...]) -> _Stamp:
    return tuple(map(_stamp_of, files))


def _stamp_of(file: Path) -> tuple[int, int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
