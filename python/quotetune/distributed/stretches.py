"""The stretches of remote files that are a shard, and their copies on the node that reads them.

A stretch has the lines that start in a range of bytes. Without a field for it, the id of a document
is its line in the file. So the lines of all stretches are counted first, and a copy has as many
empty lines before its own as the file has.
"""

import posixpath
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from quotetune.corpus.formats import Format, is_parquet
from quotetune.corpus.inputs import InputFile, Inputs
from quotetune.distributed.plan import Plan, PlannedFile
from quotetune.distributed.remote import by_url, bytes_of, fetch
from quotetune.errors import QuotetuneError
from quotetune.runtime.whole_files import read_json, write_json

_CHUNK = 4 << 20
_START = 4096


@dataclass(frozen=True)
class Stretch:
    """The lines of a file that start in the bytes from `start` up to, not including, `end`."""

    file: PlannedFile
    start: int
    end: int


def with_cuts(files: Sequence[PlannedFile]) -> list[PlannedFile]:
    """Say of each remote file whether it is cut: if it is JSONL, uncompressed, and no array.

    Raises:
        QuotetuneError: A file cannot be read.
    """
    return [replace(file, is_cut=_can_be_cut(file)) for file in files]


def _can_be_cut(file: PlannedFile) -> bool:
    if file.format != "jsonl" or not file.path.lower().endswith((".jsonl", ".ndjson")):
        return False
    try:
        start = bytes_of(file, 0, min(_START, file.size))
    except OSError as error:
        raise QuotetuneError(f"{error}: check the credentials and the connection") from error
    return start.lstrip().startswith(b"{")


def stretches_of(plan: Plan, number: int) -> list[Stretch]:
    """Return what a shard has of the files.

    A line belongs to the shard of its first byte, and so does a whole file that is not cut.

    Example:
        >>> def planned(name, size, is_cut):
        ...     return PlannedFile(f"s3://bucket/{name}.jsonl", "jsonl", name, size, "", is_cut)
        >>> files = [planned("a", 10, True), planned("b", 80, True), planned("c", 10, False)]
        >>> plan = Plan(files, {}, {}, 2, False, True)
        >>> for number in (1, 2):
        ...     print([(s.file.name, s.start, s.end) for s in stretches_of(plan, number)])
        [('a', 0, 10), ('b', 0, 40)]
        [('b', 40, 80), ('c', 0, 10)]
    """
    first = plan.bytes * (number - 1) // plan.shards
    last = plan.bytes * number // plan.shards
    # An empty file at the end starts after the last byte, and belongs to the last shard.
    after = last + (number == plan.shards)
    taken = []
    before = 0
    for file in plan.files:
        if not file.is_cut and first <= before < after:
            taken.append(Stretch(file, 0, file.size))
        start, end = max(first - before, 0), min(last - before, file.size)
        if file.is_cut and start < end:
            taken.append(Stretch(file, start, end))
        before += file.size
    return taken


def lines_in(stretch: Stretch) -> int:
    """Count the line ends among the bytes of a stretch.

    Raises:
        OSError: The file cannot be read, which may pass.
    """
    count = 0
    for start in range(stretch.start, stretch.end, _CHUNK):
        chunk = bytes_of(stretch.file, start, min(start + _CHUNK, stretch.end))
        count += chunk.count(b"\n")
    return count


def line_counts(parts: Path) -> dict[str, dict[str, int]] | None:
    """Read the counts of all stretches, by file and start; None if they are not counted yet."""
    path = parts / "lines.json"
    counts: dict[str, dict[str, int]] | None = read_json(path) if path.exists() else None
    return counts


def store_line_counts(parts: Path, stretches: Sequence[Stretch], counts: Sequence[int]) -> None:
    """Write the counts of all stretches."""
    content: dict[str, dict[str, int]] = {}
    for stretch, count in zip(stretches, counts, strict=True):
        content.setdefault(stretch.file.path, {})[str(stretch.start)] = count
    write_json(parts / "lines.json", content)


@contextmanager
def fetched(parts: Path, plan: Plan, number: int, scratch: str | None) -> Iterator[Inputs]:
    """Copy what a shard has of the files to this machine, until the block ends.

    Raises:
        QuotetuneError: In the block too, where it names the URL instead of the copy.
        OSError: A file cannot be fetched, which may pass.
    """
    folder = Path(tempfile.mkdtemp(prefix="quotetune-", dir=scratch))
    counts = line_counts(parts) or {}
    urls: dict[str, str] = {}
    try:
        files = []
        for position, stretch in enumerate(stretches_of(plan, number)):
            file = stretch.file
            local = folder / str(position) / posixpath.basename(file.path)
            local.parent.mkdir()
            urls[str(local)] = file.path
            if file.is_cut:
                own = counts[file.path]
                lines = sum(count for start, count in own.items() if int(start) < stretch.start)
                with local.open("wb") as copy:
                    _copy(stretch, lines, copy)
            else:
                fetch(file, local)
            format: Format = "parquet" if is_parquet(local) else file.format
            files.append(InputFile(local, format, file.name, is_given=True))
        with by_url(urls):
            yield Inputs(files)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(stretch: Stretch, lines: int, copy: BinaryIO) -> None:
    """Write the lines of a stretch, with as many empty ones before them as the file has others.

    Args:
        stretch: The stretch.
        lines: Line ends of the file before its start.
        copy: The file to write to.
    """
    for written in range(0, lines, _CHUNK):
        copy.write(b"\n" * min(_CHUNK, lines - written))
    at, is_open = stretch.start, False
    if stretch.start > 0 and bytes_of(stretch.file, at - 1, at) != b"\n":
        # This line belongs to the stretch that it started in.
        at = _after_line(stretch.file, at, stretch.end)
        copy.write(b"\n")
    while at < stretch.end:
        chunk = bytes_of(stretch.file, at, min(at + _CHUNK, stretch.end))
        copy.write(chunk)
        at += len(chunk)
        is_open = not chunk.endswith(b"\n")
    while is_open and at < stretch.file.size:
        chunk = bytes_of(stretch.file, at, min(at + _CHUNK, stretch.file.size))
        end = chunk.find(b"\n")
        copy.write(chunk if end < 0 else chunk[: end + 1])
        at += len(chunk)
        is_open = end < 0


def _after_line(file: PlannedFile, at: int, end: int) -> int:
    """Return where the next line starts; the end if none does before."""
    while at < end:
        chunk = bytes_of(file, at, min(at + _CHUNK, end))
        found = chunk.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(chunk)
    return end
