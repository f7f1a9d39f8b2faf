"""Part files: each has the samples of a fixed chunk of prompts, and is complete or absent."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from quotetune.errors import UsageError
from quotetune.models.reasoning import Answer
from quotetune.runtime.whole_files import RESUME, written_file
from quotetune.sampling.backend import Request, Response

JOB_NAME = "job.json"
LOG_NAME = "sampling.log"
# A row of a part, or of a table that is made from parts.
Row = dict[str, Any]
# The columns of the parts of a model that thinks: where the answer of a response starts, in
# characters and in tokens; null if there is no answer.
ANSWER_CHAR, ANSWER_TOKEN = "answer_char", "answer_token"
# The column of the parts of a guided sampling: the strength of the guide.
GUIDE_STRENGTH = "guide_strength"


def schema(*, thinks: bool = False, guided: bool = False, seeded: bool = True) -> Any:
    """Return the `pyarrow.Schema` of a part.

    Args:
        thinks: Whether the model's responses have thoughts before their answers.
        guided: Whether the sampling has a guide.
        seeded: Whether each sample has a seed of its own; the column is null otherwise.
    """
    import pyarrow as pa

    tokens = pa.list_(pa.int32())
    columns = {
        "prompt_id": pa.string(),
        "sample": pa.int32(),
        "response": pa.string(),
        "prompt_token_ids": tokens,
        "token_ids": tokens,
        "finish_reason": pa.string(),
        "seed": pa.int64(),
    }
    fields = [
        pa.field(name, kind, nullable=name == "seed" and not seeded)
        for name, kind in columns.items()
    ]
    if thinks:
        fields += [pa.field(name, pa.int32()) for name in (ANSWER_CHAR, ANSWER_TOKEN)]
    if guided:
        fields.append(pa.field(GUIDE_STRENGTH, pa.float64(), nullable=False))
    return pa.schema(fields)


def part_path(directory: Path, part: int) -> Path:
    """Return the path of a part.

    Example:
        >>> part_path(Path("samples"), 7).name
        'part-00007.parquet'
    """
    return directory / f"part-{part:05d}.parquet"


def part_paths(directory: Path) -> list[Path]:
    """Return the paths of the parts that a directory has, in order."""
    return sorted(directory.glob("part-*.parquet"))


def count_parts(prompts: int, chunk_prompts: int) -> int:
    """Return the number of parts for a number of prompts.

    Example:
        >>> count_parts(0, 64), count_parts(64, 64), count_parts(65, 64)
        (0, 1, 2)
    """
    return -(-prompts // chunk_prompts)


def missing_parts(directory: Path, parts: int) -> list[int]:
    """Return the numbers of the parts that do not exist yet, in order."""
    return [part for part in range(parts) if not part_path(directory, part).exists()]


def write_part(
    directory: Path,
    part: int,
    prompt_ids: Sequence[str],
    requests: Sequence[Request],
    responses: Iterable[Sequence[Response]],
    *,
    thinks: bool = False,
    strengths: Sequence[float] | None = None,
    seeded: bool = True,
) -> None:
    """Write a part; it appears by rename.

    Args:
        directory: The directory of parts.
        part: The part's number, from 0.
        prompt_ids: Ids of the part's prompts.
        requests: Their requests.
        responses: The n responses to each.
        thinks: As for `schema`.
        strengths: The strengths of the guide, with each of which the same number of responses was
            drawn; None without a guide.
        seeded: As for `schema`.

    Raises:
        QuotetuneError: The file cannot be written, as on a full disk.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "prompt_id": prompt_id,
            "sample": sample,
            "response": response.text,
            "prompt_token_ids": request.prompt_token_ids,
            "token_ids": response.token_ids,
            "finish_reason": response.finish_reason,
            "seed": request.seed + sample if seeded else None,
            **answer_columns(response.answer),
            GUIDE_STRENGTH: strengths and strengths[sample * len(strengths) // len(drawn)],
        }
        for prompt_id, request, drawn in zip(prompt_ids, requests, responses, strict=True)
        for sample, response in enumerate(drawn)
    ]
    with written_file(part_path(directory, part), remedy=RESUME) as path:
        kind = schema(thinks=thinks, guided=strengths is not None, seeded=seeded)
        pq.write_table(pa.Table.from_pylist(rows, kind), path)


def answer_columns(answer: Answer | None) -> Row:
    """Return the columns that say where an answer starts; null if there is none."""
    return {
        ANSWER_CHAR: None if answer is None else answer.char,
        ANSWER_TOKEN: None if answer is None else answer.token,
    }


def read_samples(directory: Path) -> Any:
    """Read all samples of a directory of parts.

    Args:
        directory: The directory that `run_sampling` filled.

    Returns:
        A `pyarrow.Table` with the columns of `schema`, prompts in their order, samples in theirs.

    Raises:
        UsageError: There is no such directory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not directory.is_dir():
        raise UsageError(f"{directory}: no such directory: name the output of `quotetune sample`")
    tables = [pq.read_table(path) for path in part_paths(directory)]
    return pa.concat_tables(tables) if tables else schema().empty_table()


def answers(samples: Any, columns: Sequence[str]) -> list[Row]:
    """Return rows of samples whose `response` is the answer alone, without the thoughts before it.

    Args:
        samples: A `pyarrow.Table` or `RecordBatch` with columns of `schema`.
        columns: The columns that are needed, `response` among them.

    Returns:
        The rows, also with the columns that say where the answers start if the samples have them.
        The response of a row without an answer is empty.
    """
    rows: list[Row] = samples.select(with_answers(columns, samples.schema.names)).to_pylist()
    return [{**row, "response": answer_of(row)} for row in rows]


def answer_texts(samples: Any) -> list[str]:
    """Return the answer of each sample, without the thoughts before it.

    Args:
        samples: A `pyarrow.Table` or `RecordBatch` with a column `response`, and the columns that
            say where the answers start if the samples have them.
    """
    responses: list[str] = samples["response"].to_pylist()
    if ANSWER_CHAR not in samples.schema.names:
        return responses
    starts = samples[ANSWER_CHAR].to_pylist()
    return [
        answer_of({"response": response, ANSWER_CHAR: start})
        for response, start in zip(responses, starts, strict=True)
    ]


def answer_of(row: Mapping[str, Any]) -> str:
    """Return the answer in a response, which is empty if the thoughts have not ended.

    Example:
        >>> answer_of({"response": "<think>Hm.</think>Ice.", "answer_char": 18})
        'Ice.'
        >>> answer_of({"response": "Ice."})
        'Ice.'
    """
    start = row.get(ANSWER_CHAR, 0)
    return "" if start is None else str(row["response"][start:])


def has_answer(row: Mapping[str, Any]) -> bool:
    """Tell whether a response has an answer, that is, whether its thoughts have ended."""
    return row.get(ANSWER_CHAR, 0) is not None


def with_answers(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return names of columns, and those that say where answers start if a part has them.

    Args:
        names: The columns that are read.
        columns: The columns that the part has.
    """
    starts = [name for name in (ANSWER_CHAR, ANSWER_TOKEN) if name in columns]
    return list(dict.fromkeys([*names, *starts]))


def response_tokens(row: Mapping[str, Any]) -> list[int]:
    """Return the tokens of a whole response, without the end-of-text token.

    Example:
        >>> response_tokens({"token_ids": [5, 6, 2], "finish_reason": "stop"})
        [5, 6]
    """
    tokens: list[int] = row["token_ids"]
    return tokens[:-1] if row["finish_reason"] == "stop" else tokens


def token_length(row: Mapping[str, Any]) -> int:
    """Return the number of tokens of an answer, without the end-of-text token.

    Example:
        >>> token_length({"token_ids": [5, 6, 2], "finish_reason": "stop"})
        2
        >>> token_length({"token_ids": [5, 6, 7], "finish_reason": "length", "answer_token": 1})
        2
    """
    start = row.get(ANSWER_TOKEN, 0)
    return 0 if start is None else max(len(response_tokens(row)) - int(start), 0)
