"""The limits of the machine on one thread, as rows below those of the systems."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.native import run_example
from benchmarks.settings import LIBSAIS, LIMIT
from benchmarks.table import Row
from benchmarks.timing import Time, by_turns

_PIECE = 1 << 20


@dataclass(frozen=True)
class Reads:
    """The time of reading memory of some size.

    Attributes:
        independent: Seconds per read of a random cache line, when many reads overlap.
        dependent: Seconds per read of a random cache line, when each line names the next.
        sequential: Seconds per byte when everything is read in order.
    """

    independent: float
    dependent: float
    sequential: float


@cache
def reads(size: int) -> Reads:
    """Measure reads of `size` bytes of memory."""
    return Reads(**run_example("memory_reads", size))


def limit_row(amount: float, seconds: float) -> Row:
    """Make the row of the limit, for one thread that waits for nothing else."""
    return Row(LIMIT, amount, Time(seconds, seconds))


def copying(source: Path, result: Path, output: Path, amount: float, repeats: int) -> Row:
    """Measure reading the input of a build and writing as many bytes as its result has.

    Args:
        source: The input.
        result: The result, a file or a directory.
        output: A file to write; it is removed at the end.
        amount: Amount of work of the build, in the unit of its table.
        repeats: Number of measurements; the shortest counts.

    Returns:
        The row of the limit.
    """
    files = [result] if result.is_file() else [path for path in result.rglob("*") if path.is_file()]
    written = sum(path.stat().st_size for path in files)

    def copy() -> None:
        with source.open("rb", buffering=0) as file:
            while file.read(_PIECE):
                pass
        with output.open("wb", buffering=0) as file:
            for start in range(0, written, _PIECE):
                file.write(bytes(min(_PIECE, written - start)))
            os.fsync(file.fileno())

    time = by_turns({LIMIT: copy}, repeats)[LIMIT]
    output.unlink()
    return Row(LIMIT, amount, time)


def sorting(documents: Sequence[str], file: Path, repeats: int) -> Row:
    """Measure bare libsais on the bytes that a suffix index sorts: each document and a byte 0xFF.

    Args:
        documents: The documents, normalised.
        file: A file to write; it is removed at the end.
        repeats: Number of measurements; the shortest counts.

    Returns:
        The row, in MB.
    """
    with file.open("wb") as text:
        text.writelines(document.encode() + b"\xff" for document in documents)
    size = file.stat().st_size
    seconds = min(run_example("bare_libsais", file)["seconds"] for _ in range(repeats))
    file.unlink()
    return Row(LIBSAIS, size / 1e6, Time(seconds, seconds))
