"""The paired prompts of a round, in a temporary file: all pairs may be more than the memory holds.

With `pairs_per_prompt: null`, 32 responses to a prompt can make hundreds of pairs.
"""

import pickle
from array import array
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

import numpy as np

from quotetune.config import PairsConfig
from quotetune.pairing.cross_prompt import OtherPrompts
from quotetune.pairing.pairs import Pair, PairedPrompt


class PairedPrompts:
    """Prompts with their pairs, and what is known only when all prompts have theirs.

    Args:
        directory: Where the file is. It has no name and ends with this object.
        settings: Settings of the pairs.
        seed: The run's seed, for cross-prompt negatives.
    """

    def __init__(self, directory: Path, settings: PairsConfig, seed: int) -> None:
        self._file = TemporaryFile(dir=directory)  # noqa: SIM115 - `__exit__` closes it
        self._count = 0
        self._quantile = settings.quantile
        self._preferences = array("d")
        self._others = OtherPrompts(settings, seed)

    def add(self, one: PairedPrompt) -> None:
        """Append a prompt; all are added before the first one is read."""
        pickle.dump(one, self._file, pickle.HIGHEST_PROTOCOL)
        self._count += 1
        known = (pair.preference for pair in one.pairs)
        self._preferences.extend(value for value in known if value is not None)
        self._others.add(one)

    @cached_property
    def limit(self) -> float | None:
        """The lowest preference of the pairs that are kept (Pace et al. 2024)."""
        if self._quantile is None or not self._preferences:
            return None
        return float(np.quantile(self._preferences, self._quantile))

    def __iter__(self) -> Iterator[tuple[PairedPrompt, list[Pair]]]:
        """Yield each prompt with the pairs that are kept, and its pairs across prompts."""
        self._file.seek(0)
        for position in range(self._count):
            # Nobody else can write to a file without a name.
            one: PairedPrompt = pickle.load(self._file)
            kept = one if self.limit is None else _above(one, self.limit)
            yield kept, self._others.pairs(position, kept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()


def _above(one: PairedPrompt, limit: float) -> PairedPrompt:
    """Keep the pairs of a prompt that are not below the limit."""
    pairs = [pair for pair in one.pairs if (pair.preference or 0.0) >= limit]
    discard = "below_quantile" if one.pairs and not pairs else one.discard
    return replace(one, pairs=pairs, discard=discard)
