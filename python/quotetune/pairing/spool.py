"""Paired prompts in a temporary file: all pairs of a round may be more than the memory holds.

With `pairs_per_prompt: null`, 32 responses to a prompt can make hundreds of pairs.
"""

import pickle
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from quotetune.pairing.pairs import PairedPrompt


class PairedPrompts:
    """Prompts with their pairs, which can be read several times, one prompt at a time.

    Args:
        directory: Where the file is. It has no name and ends with this object.
    """

    def __init__(self, directory: Path) -> None:
        self._file = TemporaryFile(dir=directory)  # noqa: SIM115 - `__exit__` closes it
        self._count = 0

    def add(self, one: PairedPrompt) -> None:
        """Append a prompt."""
        pickle.dump(one, self._file, pickle.HIGHEST_PROTOCOL)
        self._count += 1

    def __iter__(self) -> Iterator[PairedPrompt]:
        """Read the prompts in their order, after the last one was added."""
        self._file.seek(0)
        for _ in range(self._count):
            # Nobody else can write to a file without a name.
            yield pickle.load(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()
