"""Shards of a list of files, for builds on several machines."""

import re
from dataclasses import dataclass
from typing import Self

from quotetune.corpus.formats import STDIN
from quotetune.corpus.inputs import InputFile
from quotetune.errors import UsageError


@dataclass(frozen=True)
class Shard:
    """Shard `number` of `count`, from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, shard: str | None) -> Self | None:
        """Read "I/N".

        Raises:
            UsageError: The shard is not I/N with 1 <= I <= N.

        Example:
            >>> Shard.parse("2/8")
            Shard(number=2, count=8)
        """
        if shard is None:
            return None
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", shard, re.ASCII)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(f"shard is {shard!r}: give I/N, such as 1/8, with I from 1 to N")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Portion:
    """The lines of a file that start in the bytes from `start` up to, not including, `end`."""

    file: InputFile
    start: int
    end: int
    whole: bool


def portions(files: list[InputFile], shard: Shard | None) -> list[Portion]:
    """List the portions of files that belong to a shard.

    Shards divide the bytes of all files, one file after another. A line belongs to the shard of its
    first byte, and so does a whole file that cannot be cut. All shards in order are the files.

    Args:
        files: The files, in order.
        shard: The shard, or None for the whole files.

    Returns:
        The portions, in order; files without any portion are left out.
    """
    sizes = [0 if file.path == STDIN else file.path.stat().st_size for file in files]
    everything = sum(sizes)
    if shard is None:
        first, last = 0, everything + 1
    else:
        first = everything * (shard.number - 1) // shard.count
        last = everything * shard.number // shard.count
    # An empty file at the end starts after the last byte, and belongs to the last shard.
    after = last + (shard is not None and shard.number == shard.count)
    taken = []
    before = 0
    for file, size in zip(files, sizes, strict=True):
        start, end = max(first - before, 0), min(last - before, size)
        if file.can_be_cut:
            wanted = start < end
        else:
            # An empty text file is also a document.
            start, end, wanted = 0, size, first <= before < after
        if shard is None or wanted:
            taken.append(Portion(file, start, end, (start, end) == (0, size)))
        before += size
    return taken
