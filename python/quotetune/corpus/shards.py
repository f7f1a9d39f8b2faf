"""Shares of a list of files, for builds on several machines."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from quotetune.corpus.inputs import JSONL, STDIN
from quotetune.errors import UsageError


@dataclass(frozen=True)
class Shard:
    """The share `number` of `count`, from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, shard: str | None) -> Self | None:
        """Read "I/N".

        Raises:
            UsageError: It is not I/N with 1 <= I <= N.

        Example:
            >>> Shard.parse("2/8")
            Shard(number=2, count=8)
        """
        if shard is None:
            return None
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", shard, re.ASCII)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(f"shard {shard!r}; give I/N, such as 1/8, with I from 1 to N")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Portion:
    """The bytes of a file from `start` to before `end`: the lines that begin there."""

    file: Path
    start: int
    end: int
    whole: bool


def portions(files: list[Path], shard: Shard | None) -> list[Portion]:
    """List what a shard takes of files, which are seen as one behind the other.

    A line belongs to the share that its first byte lies in, and so does a file that cannot be
    cut. The shares, in their order, are the files.

    Args:
        files: The files, in order.
        shard: The share, or None for all.

    Returns:
        The portions, in order; files of which nothing is taken are left out.
    """
    sizes = [0 if file == STDIN else file.stat().st_size for file in files]
    everything = sum(sizes)
    if shard is None:
        first, last = 0, everything + 1
    else:
        first = everything * (shard.number - 1) // shard.count
        last = everything * shard.number // shard.count
    # What begins behind the last byte, an empty file, is the last share's.
    behind = last + (shard is not None and shard.number == shard.count)
    taken = []
    before = 0
    for file, size in zip(files, sizes, strict=True):
        start, end = max(first - before, 0), min(last - before, size)
        if file.name.endswith(JSONL):  # reading can start at any line
            wanted = start < end
        else:
            # An empty text file is a document, too.
            start, end, wanted = 0, size, first <= before < behind
        if shard is None or wanted:
            taken.append(Portion(file, start, end, (start, end) == (0, size)))
        before += size
    return taken
