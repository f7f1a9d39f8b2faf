"""An index or its path: functions that ask an index for something take either."""

import os
from typing import TypeAlias

from quotetune.corpus.index import Index

IndexOrPath: TypeAlias = Index | str | os.PathLike[str]


def opened(index: IndexOrPath) -> Index:
    """Return an index as it is, and open the one at a path."""
    return index if isinstance(index, Index) else Index.open(index)
