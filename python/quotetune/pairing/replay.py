"""Pairs of earlier rounds that a round learns again (Rosset et al. 2024, section 4)."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from quotetune.runs.directory import PAIRS, round_name
from quotetune.runtime.chance import drawn
from quotetune.runtime.row_groups import write_tables
from quotetune.runtime.whole_files import write_json

# Rows that are read at a time.
_ROWS = 4096


def replayed_rows(prompt_ids: Sequence[str], share: float, *, seed: int, number: int) -> list[int]:
    """Choose pairs of an earlier round.

    Args:
        prompt_ids: The prompt of each of the round's pairs.
        share: The share of pairs to choose; half a pair is rounded up.
        seed: The run's seed.
        number: The round that learns them. Each round makes a different choice.

    Returns:
        The positions of the pairs whose prompts have the lowest hashes, ascending.

    Example:
        >>> replayed_rows(["a", "b", "c", "d"], 0.5, seed=0, number=2)
        [1, 3]
    """

    def place(position: int) -> tuple[int, int]:
        return drawn(f"{seed}:{number}:{prompt_ids[position]}"), position

    count = int(share * len(prompt_ids) + 0.5)
    return sorted(sorted(range(len(prompt_ids)), key=place)[:count])


def mix_pairs(
    own: Path, earlier: Mapping[int, Path], shares: Sequence[float], output: Path, *, seed: int
) -> dict[str, int]:
    """Write the pairs that a round trains on.

    Args:
        own: The `pairs.parquet` of the round.
        earlier: The `pairs.parquet` of each round before, by its number.
        shares: `replay` of the config: for the round before, for the one before that, and so on.
        output: Directory that gets `pairs.parquet`, with the column `round`, and `replay.json`.
        seed: The run's seed.

    Returns:
        The number of pairs from each round, as in `replay.json`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = max(earlier) + 1
    # By round: its file, and which of its pairs are learned; None for all of them.
    mixed: dict[int, tuple[Path, list[int] | None]] = {number: (own, None)}
    for before, share in zip(range(number - 1, 0, -1), shares, strict=False):
        names = pq.read_table(earlier[before], columns=["prompt_id"])["prompt_id"].to_pylist()
        chosen = replayed_rows(names, share, seed=seed, number=number)
        mixed[before] = (earlier[before], chosen)
    round_field = pa.field("round", pa.int32())
    schemas = [pq.read_schema(path).append(round_field) for path, _ in mixed.values()]
    schema = pa.unify_schemas(schemas, promote_options="permissive")
    output.mkdir(exist_ok=True)
    tables = (
        _of_round(name, table, schema)
        for name, (path, chosen) in mixed.items()
        for table in _taken(path, chosen)
    )
    write_tables(output / PAIRS, schema, tables)
    counts = {
        round_name(name): pq.read_metadata(path).num_rows if chosen is None else len(chosen)
        for name, (path, chosen) in mixed.items()
    }
    write_json(output / "replay.json", counts)
    return counts


def _taken(path: Path, chosen: Sequence[int] | None) -> Iterator[Any]:
    """Yield rows of a file of pairs, given by their positions in ascending order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = 0
    for batch in pq.ParquetFile(path).iter_batches(_ROWS):
        table = pa.Table.from_batches([batch])
        if chosen is not None:
            first, last = (bisect_left(chosen, at) for at in (start, start + len(batch)))
            here = [position - start for position in chosen[first:last]]
            table = table.take(pa.array(here, pa.int64()))
        start += len(batch)
        yield table


def _of_round(name: int, table: Any, schema: Any) -> Any:
    """Add the round, and the columns that only other rounds have, to rows of a round."""
    import pyarrow as pa

    table = table.append_column("round", pa.array([name] * len(table), pa.int32()))
    return pa.concat_tables([schema.empty_table(), table], promote_options="permissive")
