"""The judge's verdicts, `verdicts.parquet`: a preference for every comparison."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from quotetune.pairing.candidates import Candidate
from quotetune.pairing.preference import Matrix

_ROWS_TOGETHER = 1 << 20


class Verdict(NamedTuple):
    """What a judge found of two candidates.

    Attributes:
        prompt_id: The prompt's id.
        sample: The sample number of the first candidate.
        other: That of the other one.
        preference: P(sample > other).
        undecided: Number of replies that named neither.
    """

    prompt_id: str
    sample: int
    other: int
    preference: float
    undecided: int


def write_verdicts(path: Path, verdicts: Iterator[Verdict]) -> None:
    """Write verdicts; those of a prompt are neighbours."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = (pa.string(), pa.int32(), pa.int32(), pa.float64(), pa.int32())
    named = zip(Verdict._fields, kinds, strict=True)
    schema = pa.schema([pa.field(name, kind, nullable=False) for name, kind in named])
    with pq.ParquetWriter(path, schema) as file:
        some = list(islice(verdicts, _ROWS_TOGETHER))
        while True:  # a file without verdicts has an empty table
            columns: Iterable[Any] = zip(*some, strict=True) if some else [[] for _ in kinds]
            arrays = [pa.array(own, kind) for own, kind in zip(columns, kinds, strict=True)]
            file.write_table(pa.table(arrays, schema=schema))
            if not (some := list(islice(verdicts, _ROWS_TOGETHER))):
                return


class Verdicts:
    """The preferences of a round, of which those of some prompts are in memory at a time."""

    def __init__(self, path: Path) -> None:
        """Find the rows of each prompt.

        Args:
            path: `verdicts.parquet`.
        """
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path)
        self.comparisons = self.undecided = 0
        # By prompt: the first of its rows, which are neighbours, and the row after the last.
        self._rows: dict[str, tuple[int, int]] = {}
        for batch in self._file.iter_batches(columns=["prompt_id", "undecided"]):
            for prompt_id in batch["prompt_id"].to_pylist():
                start, _ = self._rows.get(prompt_id, (self.comparisons, 0))
                self.comparisons += 1
                self._rows[prompt_id] = (start, self.comparisons)
            self.undecided += sum(batch["undecided"].to_pylist())
        groups = range(self._file.num_row_groups)
        sizes = [self._file.metadata.row_group(group).num_rows for group in groups]
        self._starts = [0, *accumulate(sizes)]
        self._group: tuple[int, Any] | None = None

    def matrix(self, prompt_id: str, candidates: Sequence[Candidate]) -> Matrix:
        """Return P(i > j) of a prompt's candidates: 1/2 for equal texts, NaN if not compared."""
        known: dict[tuple[int, int], float] = {}
        for row in self._rows_of(prompt_id):
            known[row["sample"], row["other"]] = row["preference"]
            known[row["other"], row["sample"]] = 1 - row["preference"]

        def preference(one: Candidate, other: Candidate) -> float:
            unasked = 0.5 if one.text == other.text else np.nan
            return known.get((one.sample, other.sample), unasked)

        return np.array([[preference(one, other) for other in candidates] for one in candidates])

    def _rows_of(self, prompt_id: str) -> Iterator[dict[str, Any]]:
        start, end = self._rows.get(prompt_id, (0, 0))
        while start < end:
            group = bisect_right(self._starts, start) - 1
            here = min(end, self._starts[group + 1])
            first = start - self._starts[group]
            yield from self._table(group).slice(first, here - start).to_pylist()
            start = here

    def _table(self, group: int) -> Any:
        """Read a row group; the last one that was read stays in memory."""
        if self._group is None or self._group[0] != group:
            self._group = (group, self._file.read_row_group(group))
        return self._group[1]
