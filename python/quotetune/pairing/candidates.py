"""The candidates of a round: a policy's samples, perhaps the references too, and their measures.

Every file about them has a row for each, in one order: the samples, part by part, and then the
references. A reference has the sample number `GOLD`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from quotetune.errors import UsageError
from quotetune.sampling.parts import Row, token_length

GOLD = -1


@dataclass(frozen=True)
class CandidateFiles:
    """Where the candidates are, and what is known of them.

    Attributes:
        samples: Directory of the samples' part files.
        scores: `scores.parquet` of all candidates.
        gold: Directory of the part file of references, if they are ranked.
        measures: A file with a column `value` for each further measure.
        verdicts: The judge's `verdicts.parquet`, if there is one.
    """

    samples: Path
    scores: Path
    gold: Path | None = None
    measures: Mapping[str, Path] = field(default_factory=dict)
    verdicts: Path | None = None


def candidate_parts(samples: Path, gold: Path | None) -> list[Path]:
    """Return the part files of all candidates, in their order."""
    parts = sorted(samples.glob("part-*.parquet"))
    return parts + ([] if gold is None else sorted(gold.glob("part-*.parquet")))


def candidates_by_prompt(files: CandidateFiles) -> Iterator[tuple[str, list[Row]]]:
    """Read the candidates of each prompt.

    Args:
        files: The files; a part of the samples at a time is in memory.

    Yields:
        A prompt's id and its candidates: the columns of a part file, `quip`, and a key a measure.

    Raises:
        UsageError: A file is not about these candidates.
    """
    gold: dict[str, list[Row]] = {}
    references = [] if files.gold is None else candidate_parts(files.gold, None)
    samples = candidate_parts(files.samples, None)
    measured = _Measured(files)
    measured.skip(samples)
    for prompt_id, row in measured.rows(references):
        gold.setdefault(prompt_id, []).append(row)
    measured.check_end()
    measured.skip([])
    for part in samples:
        by_prompt: dict[str, list[Row]] = {}
        for prompt_id, row in measured.rows([part]):
            by_prompt.setdefault(prompt_id, []).append(row)
        for prompt_id, rows in by_prompt.items():
            yield prompt_id, rows + gold.get(prompt_id, [])


class _Measured:
    """Reads parts together with the measures of their rows."""

    def __init__(self, files: CandidateFiles) -> None:
        import pyarrow.parquet as pq

        columns = {"quip": (files.scores, "quip")}
        columns |= {name: (path, "value") for name, path in files.measures.items()}
        self._samples = files.samples
        self._tables = {
            name: (path, pq.read_table(path, columns=["prompt_id", "sample", column]))
            for name, (path, column) in columns.items()
        }
        self._offset = 0

    def skip(self, parts: Iterable[Path]) -> None:
        """Go on behind some parts, counted from the begin."""
        import pyarrow.parquet as pq

        self._offset = sum(pq.read_metadata(part).num_rows for part in parts)

    def rows(self, parts: Iterable[Path]) -> Iterator[tuple[str, Row]]:
        """Yield the rows of parts with their measures."""
        import pyarrow.parquet as pq

        for part in parts:
            rows = pq.read_table(part).to_pylist()
            names = [(row["prompt_id"], row["sample"]) for row in rows]
            for measure, (path, table) in self._tables.items():
                values = table.slice(self._offset, len(rows)).to_pylist()
                if names != [(value["prompt_id"], value["sample"]) for value in values]:
                    raise UsageError(f"{path}: not the scores of {part}: score the samples again")
                column = table.column_names[-1]
                for row, value in zip(rows, values, strict=True):
                    row[measure] = value[column]
            self._offset += len(rows)
            for row in rows:
                yield row["prompt_id"], row

    def check_end(self) -> None:
        """Refuse measures of more candidates than there are."""
        for path, table in self._tables.values():
            if self._offset != len(table):
                raise UsageError(
                    f"{path}: more scores than there are samples in {self._samples}: score again"
                )


class CandidatesWriter:
    """Writes `candidates.parquet`: a row for each candidate, with all that is known of it."""

    _ROWS_AT_ONCE = 4096

    def __init__(self, path: Path, measures: Iterable[str]) -> None:
        """Begin the file.

        Args:
            path: The file.
            measures: Names of the further measures.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        numbers = ["quip", *sorted(measures), "win_rate"]
        self._schema = pa.schema(
            [
                ("prompt_id", pa.string()),
                ("sample", pa.int32()),
                ("length", pa.int32()),
                *((name, pa.float64()) for name in numbers),
                ("repetitive", pa.bool_()),
            ]
        )
        self._writer = pq.ParquetWriter(path, self._schema)
        self._waiting: list[Row] = []

    def write(self, rows: Iterable[Row]) -> None:
        """Add ranked candidates."""
        names = [name for name in self._schema.names if name != "length"]
        for row in rows:
            self._waiting.append(
                {name: row[name] for name in names} | {"length": token_length(row)}
            )
        if len(self._waiting) >= self._ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._waiting, self._schema))
        self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()
