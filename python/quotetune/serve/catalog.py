"""The indexes of the server, by name. One that is replaced on disk is opened anew."""

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from quotetune.corpus.index import Index
from quotetune.errors import QuotetuneError

# A change of an index replaces its manifest, so one of these changes.
_Stamp: TypeAlias = tuple[int, int, int, int]

# One that is replaced while it is opened can look damaged.
_ATTEMPTS = 3


@dataclass(frozen=True)
class _Open:
    index: Index
    stamp: _Stamp | None


class Catalog:
    """Open indexes.

    An index that is open keeps its files while a request uses it, even if they are deleted. So a
    request gets its answer from the index that it began with.

    Args:
        paths: The path of each index by its name; the first is the default.

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
        path = self._paths[name]
        found = self._open[name]
        if _stamp(path) not in (found.stamp, None):
            # The others wait for the thread that opens it, which reads only headers.
            with self._opening:
                found = self._open[name]
                stamp = _stamp(path)
                if stamp not in (found.stamp, None):
                    found = self._open[name] = self._opened_again(path, stamp) or found
        return found.index

    def _opened_again(self, path: Path, stamp: _Stamp | None) -> _Open | None:
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
    # The stamp is older than what is opened, never newer. So no change is missed.
    stamp = _stamp(path)
    return _Open(Index.open(path), stamp)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = (path / "manifest.json").stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
