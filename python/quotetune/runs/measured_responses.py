"""A row of a run's evaluation, of which one response at a time is read.

A run can have 64,000 responses to its held-out prompts, and a reader looks at a few.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from quotetune.errors import QuotetuneError

_COLUMNS = ("response", "quip", "longest_quote", "cut")
_BATCH = 256  # rows that are in memory at a time
_BUFFER = 1 << 20  # bytes of the file; without one, a whole column is in memory
# A stage is done again in another directory, so one of these changes.
_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True)
class _Contents:
    """Where the responses to each prompt are, and the mean of their QUIP."""

    stamp: _Stamp
    places: dict[str, list[int]]
    quips: dict[str, float]


class MeasuredResponses:
    """The responses of a row, with what was measured on each.

    The numbers of all rows are kept, and no text. If the file is replaced, they are read again.
    Many threads may read at once.

    Args:
        path: The file, which docs/metrics.md describes.

    Example:
        >>> import pyarrow as pa, pyarrow.parquet as pq
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "responses.parquet"
        >>> rows = {"prompt_id": ["a", "b", "a"], "response": ["x", "y", "z"]}
        >>> rows |= {"quip": [0.5, None, 0.0], "longest_quote": [1] * 3, "cut": [False] * 3}
        >>> pq.write_table(pa.table(rows), path)
        >>> responses = MeasuredResponses(path)
        >>> responses.quips(), responses.count("a")
        ({'a': 0.25, 'b': 0.0}, 2)
        >>> responses.read("a", 1)["response"]
        'z'
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: _Contents | None = None

    def quips(self) -> dict[str, float]:
        """Return the mean QUIP of the responses to each prompt; one too short counts as 0.

        Raises:
            QuotetuneError: The file cannot be read.
        """
        with self._opened() as file:
            return self._contents(file).quips

    def count(self, prompt_id: str) -> int:
        """Return how many responses to a prompt there are.

        Raises:
            QuotetuneError: The file cannot be read.
        """
        with self._opened() as file:
            return len(self._contents(file).places.get(prompt_id, ()))

    def read(self, prompt_id: str, number: int) -> dict[str, Any] | None:
        """Read a response to a prompt.

        Args:
            prompt_id: The prompt's id.
            number: The place of the response among those to the prompt, from 0.

        Returns:
            Its `response`, `quip`, `longest_quote` and `cut`; None if there is no such response.

        Raises:
            QuotetuneError: The file cannot be read.
        """
        with self._opened() as file:
            places = self._contents(file).places.get(prompt_id, ())
            if not 0 <= number < len(places):
                return None
            return self._row(file, places[number])

    def _opened(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise QuotetuneError(
                f"{self._path}: cannot be read ({error.strerror}): let the run finish"
            ) from error

    def _contents(self, file: BinaryIO) -> _Contents:
        found = os.fstat(file.fileno())
        stamp = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
        known = self._known
        if known is None or known.stamp != stamp:
            places: dict[str, list[int]] = {}
            sums: dict[str, float] = {}
            for place, (name, quip) in enumerate(self._numbers(file)):
                places.setdefault(name, []).append(place)
                sums[name] = sums.get(name, 0.0) + (quip or 0.0)
            quips = {name: total / len(places[name]) for name, total in sums.items()}
            self._known = known = _Contents(stamp, places, quips)
        return known

    def _numbers(self, file: BinaryIO) -> Iterator[tuple[str, float | None]]:
        with self._table(file, ["prompt_id", "quip"]) as table:
            for batch in table.iter_batches(_BATCH, columns=["prompt_id", "quip"]):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def _row(self, file: BinaryIO, place: int) -> dict[str, Any]:
        with self._table(file, _COLUMNS) as table:
            group = 0
            while place >= (rows := table.metadata.row_group(group).num_rows):
                place -= rows
                group += 1
            for batch in table.iter_batches(_BATCH, row_groups=[group], columns=list(_COLUMNS)):
                if place < batch.num_rows:
                    row: dict[str, Any] = batch.slice(place, 1).to_pylist()[0]
                    return row
                place -= batch.num_rows
        raise AssertionError("the place is one of the same open file")

    @contextmanager
    def _table(self, file: BinaryIO, columns: Sequence[str]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file.seek(0)
            table = pq.ParquetFile(file, buffer_size=_BUFFER)
            if missing := set(columns) - set(table.schema_arrow.names):
                raise ValueError(f"it has no {missing.pop()}")
            yield table
        except (pa.ArrowException, OSError, ValueError) as error:
            raise QuotetuneError(
                f"{self._path}: not the responses of an evaluation ({error}): let the run make it "
                "again"
            ) from error
