"""An argument that is an index or the path of one, which can be a list of indexes."""

import os
from typing import TypeAlias

from quotetune.corpus.index import Index

IndexOrPath: TypeAlias = Index | str | os.PathLike[str]


def opened(index: IndexOrPath) -> Index:
    """Open the index at a path; return an index that is open as it is."""
    return index if isinstance(index, Index) else Index.open(index)
