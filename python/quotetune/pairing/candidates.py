"""The candidates of a round: a policy's samples, optionally the references, and their measures.

Every file about candidates has one row per candidate, in the same order: the samples, part by part,
and then the references. A reference has the sample number `GOLD`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from quotetune.errors import UsageError
from quotetune.models.reasoning import WHOLE, Answer
from quotetune.sampling.parts import (
    ANSWER_CHAR,
    ANSWER_TOKEN,
    Row,
    answer_of,
    has_answer,
    part_paths,
    token_length,
)

GOLD = -1


# The files that the stages before pairing write, which `CandidateFiles` names.
SCORES = "scores.parquet"
VALUES = "values.parquet"
VERDICTS = "verdicts.parquet"


@dataclass(frozen=True)
class Candidate:
    """A response to a prompt, with the numbers that rank and pair it.

    Attributes:
        sample: Number among the samples of the prompt, from 0; `GOLD` for the reference.
        text: The text that is ranked: the answer, without thoughts before it.
        quip: QUIP, a fraction; None if the text is too short for one.
        length: Number of the text's tokens, without the end-of-text token.
        values: Other measures by name, as criteria and constraints need them.
    """

    sample: int
    text: str
    quip: float | None
    length: int
    values: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TokenizedCandidate(Candidate):
    """A candidate with the tokens that training needs.

    Attributes:
        prompt_id: The prompt's id.
        prompt_token_ids: The tokens of the prompt.
        response: The whole response, with its thoughts, which training learns.
        token_ids: The tokens of the response.
        cut: Whether the response reached `max_tokens`, or has no answer.
        answer: The start of the text in the response; None if there is no answer.
    """

    prompt_id: str
    prompt_token_ids: list[int]
    response: str
    token_ids: list[int]
    cut: bool
    answer: Answer | None = WHOLE


@dataclass(frozen=True)
class RankedCandidate:
    """A candidate and its rank among the candidates of its prompt.

    Attributes:
        candidate: The candidate.
        win_rate: Mean win rate; None if the candidate is too short to be ranked.
        repetitive: Whether the candidate is an automatic negative.
    """

    candidate: TokenizedCandidate
    win_rate: float | None
    repetitive: bool


@dataclass(frozen=True)
class CandidateFiles:
    """The files of the candidates and of their measures.

    Attributes:
        samples: Directory of the samples' part files.
        scores: `scores.parquet` of all candidates.
        gold: Directory of the references' part file; None if references are not ranked.
        measures: For each further measure, a file with a column `value`.
        verdicts: The judge's `verdicts.parquet`; None without a judge.
    """

    samples: Path
    scores: Path
    gold: Path | None = None
    measures: Mapping[str, Path] = field(default_factory=dict)
    verdicts: Path | None = None


def candidate_parts(samples: Path, gold: Path | None) -> list[Path]:
    """Return the part files of all candidates, in order."""
    return part_paths(samples) + ([] if gold is None else part_paths(gold))


def candidates_by_prompt(
    files: CandidateFiles,
) -> Iterator[tuple[str, list[TokenizedCandidate]]]:
    """Read the candidates of each prompt.

    Args:
        files: The files. One part of the samples is in memory at a time.

    Yields:
        A prompt's id and its candidates.

    Raises:
        UsageError: A file is about other candidates.
    """
    gold: dict[str, list[TokenizedCandidate]] = {}
    references = [] if files.gold is None else candidate_parts(files.gold, None)
    samples = candidate_parts(files.samples, None)
    measured = _Measured(files)
    measured.skip(samples)
    for candidate in measured.candidates(references):
        gold.setdefault(candidate.prompt_id, []).append(candidate)
    measured.check_end()
    measured.skip([])
    for part in samples:
        by_prompt: dict[str, list[TokenizedCandidate]] = {}
        for candidate in measured.candidates([part]):
            by_prompt.setdefault(candidate.prompt_id, []).append(candidate)
        for prompt_id, candidates in by_prompt.items():
            yield prompt_id, candidates + gold.get(prompt_id, [])


class _Measured:
    """Reader of parts together with the measures of their rows."""

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
        """Continue after the rows of these parts, counted from the start."""
        import pyarrow.parquet as pq

        self._offset = sum(pq.read_metadata(part).num_rows for part in parts)

    def candidates(self, parts: Iterable[Path]) -> Iterator[TokenizedCandidate]:
        """Yield the candidates of parts with their measures."""
        import pyarrow.parquet as pq

        for part in parts:
            rows = pq.read_table(part).to_pylist()
            columns = self._columns(part, rows)
            quip = columns.pop("quip")
            self._offset += len(rows)
            for i, row in enumerate(rows):
                values = {name: column[i] for name, column in columns.items()}
                yield _candidate(row, quip[i], values)

    def _columns(self, part: Path, rows: list[Row]) -> dict[str, list[float | None]]:
        """Return QUIP and the measures of the rows of a part."""
        names = [(row["prompt_id"], row["sample"]) for row in rows]
        columns = {}
        for measure, (path, table) in self._tables.items():
            values = table.slice(self._offset, len(rows))
            found = zip(values["prompt_id"].to_pylist(), values["sample"].to_pylist(), strict=True)
            if names != list(found):
                raise UsageError(f"{path}: not the scores of {part}: score the samples again")
            columns[measure] = values.column(-1).to_pylist()
        return columns

    def check_end(self) -> None:
        """Refuse measures that have more rows than there are candidates."""
        for path, table in self._tables.values():
            if self._offset != len(table):
                raise UsageError(
                    f"{path}: more scores than samples in {self._samples}: score the samples again"
                )


def _candidate(
    row: Row, quip: float | None, values: Mapping[str, float | None]
) -> TokenizedCandidate:
    return TokenizedCandidate(
        sample=row["sample"],
        text=answer_of(row),
        quip=quip,
        length=token_length(row),
        values=values,
        prompt_id=row["prompt_id"],
        prompt_token_ids=row["prompt_token_ids"],
        response=row["response"],
        token_ids=row["token_ids"],
        cut=row["finish_reason"] == "length" or not has_answer(row),
        answer=Answer(row.get(ANSWER_CHAR, 0), row.get(ANSWER_TOKEN, 0))
        if has_answer(row)
        else None,
    )


class CandidatesWriter:
    """Writer of `candidates.parquet`, which has a row per candidate with all its numbers."""

    _ROWS_AT_ONCE = 4096

    def __init__(self, path: Path, measures: Iterable[str]) -> None:
        """Start the file.

        Args:
            path: The file.
            measures: Names of the further measures.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._measures = sorted(measures)
        numbers = ["quip", *self._measures, "win_rate"]
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
        self._waiting: list[dict[str, Any]] = []

    def write(self, ranked: Iterable[RankedCandidate]) -> None:
        """Add ranked candidates."""
        for one in ranked:
            candidate = one.candidate
            self._waiting.append(
                {
                    "prompt_id": candidate.prompt_id,
                    "sample": candidate.sample,
                    "length": candidate.length,
                    "quip": candidate.quip,
                    **{name: candidate.values[name] for name in self._measures},
                    "win_rate": one.win_rate,
                    "repetitive": one.repetitive,
                }
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
