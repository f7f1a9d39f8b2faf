"""Part files: each has the samples of a fixed chunk of prompts, and is complete or absent."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from quotetune.errors import UsageError
from quotetune.runtime.whole_files import RESUME, written_file
from quotetune.sampling.backend import Request, Response

JOB_NAME = "job.json"
LOG_NAME = "sampling.log"
# A row of a part, or of a table that is made from parts.
Row = dict[str, Any]


def schema() -> Any:
    """Return the `pyarrow.Schema` of a part."""
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
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


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
) -> None:
    """Write a part; it appears by rename.

    Args:
        directory: The directory of parts.
        part: The part's number, from 0.
        prompt_ids: Ids of the part's prompts.
        requests: Their requests.
        responses: The n responses to each.

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
            "seed": request.seed + sample,
        }
        for prompt_id, request, drawn in zip(prompt_ids, requests, responses, strict=True)
        for sample, response in enumerate(drawn)
    ]
    with written_file(part_path(directory, part), remedy=RESUME) as path:
        pq.write_table(pa.Table.from_pylist(rows, schema()), path)


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


def token_length(row: Row) -> int:
    """Return the number of tokens of a sample, without the end-of-text token.

    Example:
        >>> token_length({"token_ids": [5, 6, 2], "finish_reason": "stop"})
        2
        >>> token_length({"token_ids": [5, 6, 7], "finish_reason": "length"})
        3
    """
    length: int = len(row["token_ids"]) - (row["finish_reason"] == "stop")
    return length
