"""An index that is open: where it is, and what it says of itself."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias

from quotetune import _core
from quotetune.corpus.index_list import members_of
from quotetune.errors import UsageError

OnePath: TypeAlias = str | os.PathLike[str]

# Paths that a message names.
_NAMED = 3


class OpenedIndex:
    """The index of one directory, or those of several opened as one."""

    def __init__(self, path: OnePath | Sequence[OnePath]) -> None:
        if isinstance(path, str | os.PathLike):
            self._path: Path | None = Path(path).absolute()
            self._members = members_of(self._path)
        else:
            self._path = None
            self._members = [Path(one).absolute() for one in path]
        self._index = _core.Index(self._path or _named(self._members), self._members)

    @classmethod
    def open(cls, path: OnePath | Sequence[OnePath]) -> Self:
        """Open the index in a directory, or several indexes as one.

        Several indexes answer as one index of all their documents, which are in the order of the
        paths. They must have the same n, normalisation and kind of suffix index. Nothing checks at
        opening that no document is in two of them, because that reads 12 bytes per document;
        `quotetune verify` does.

        Args:
            path: The directory of the index, a list of such directories, or the path of a `.json`
                file with such a list.

        Returns:
            The index.

        Raises:
            UsageError: The list is empty or cannot be read.
            QuotetuneError: There is no index, or its files are damaged, incomplete or of another
                format version. Or the indexes cannot be opened as one, or one is named twice.

        Example:
            >>> from tempfile import mkdtemp
            >>> from quotetune import Document, Index, build_index
            >>> path = mkdtemp()
            >>> _ = build_index([Document("a", "fox", "The quick brown fox")], path + "/1")
            >>> _ = build_index([Document("a", "dog", "The lazy dog")], path + "/2")
            >>> Index.open(path + "/1")
            Index(n=25, normalization='squash', documents=1, structures=['bloom', 'suffix'])
            >>> both = Index.open([path + "/1", path + "/2"])
            >>> len(both), both.count(["The "])
            (2, array([2]))
        """
        return cls(path)

    @property
    def path(self) -> Path:
        """The directory of the index, or the `.json` file that lists its indexes.

        Raises:
            UsageError: It was opened from a list in Python, which has no path.
        """
        if self._path is None:
            raise UsageError(
                f"{_named(self._members)}: these indexes have no path together: write their paths"
                " into a .json list, and open that"
            )
        return self._path

    @property
    def members(self) -> list[Path]:
        """The directories of the index: one, or those of the indexes that are opened as one."""
        return list(self._members)

    @property
    def n(self) -> int:
        """Length of an n-gram in characters (Unicode code points)."""
        return self._index.n

    @property
    def normalization(self) -> str:
        """Normalisation of corpus and queries: `squash`, `fold`, `fold-case` or `none`."""
        return self._index.normalization

    @property
    def structures(self) -> list[str]:
        """Structures of the index: `bloom` or `fuse`, `suffix` or `lean`, or one of each.

        Several indexes opened as one can have filters of several kinds. They have none if one of
        them has none.
        """
        return self._index.structures

    @property
    def has_suffix_index(self) -> bool:
        """Whether the index has `suffix` or `lean`, which quotes, counts and documents need."""
        return self._index.has_suffix_index

    @property
    def fpr(self) -> float:
        """False-positive rate of the filter (Bloom: from its actual fill); 0 without a filter."""
        return self._index.fpr

    @property
    def ngrams(self) -> int:
        """Number of n-grams of the corpus, duplicates counted."""
        return self._index.ngrams

    @property
    def record_keys(self) -> tuple[str, str | None, str | None, list[str]]:
        """Fields of records that were read: those of text, id and source, and the metadata's.

        None for the id or the source means the field `id` or `source`, if a record has it.
        """
        return self._index.record_keys

    @property
    def is_numbered(self) -> bool:
        """Whether ids are the places of records, even of those with a field `id`."""
        return self._index.numbered

    @property
    def identity(self) -> str | None:
        """How default sources are made: `path`, or None for the stems that older indexes have."""
        return self._index.identity

    def __len__(self) -> int:
        return len(self._index)

    def __bool__(self) -> bool:
        # An index without documents is still an index.
        return True

    def __repr__(self) -> str:
        return (
            f"Index(n={self.n}, normalization={self.normalization!r}, documents={len(self)}, "
            f"structures={self.structures})"
        )

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str | list[str]]]:
        path = list(map(str, self._members)) if self._path is None else str(self._path)
        return type(self), (path,)


def _named(paths: Sequence[Path]) -> Path:
    """Return what stands for several indexes in messages."""
    shown = ", ".join(map(str, paths[:_NAMED]))
    more = len(paths) - _NAMED
    return Path(f"{shown} and {more} more" if more > 0 else shown)
