"""Pairs of earlier rounds that a round learns again (Rosset et al. 2024, section 4)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quotetune.runs.directory import PAIRS, round_name
from quotetune.runtime.chance import drawn
from quotetune.runtime.whole_files import write_json


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

    def of_round(name: int, table: Any) -> Any:
        return table.append_column("round", pa.array([name] * len(table), pa.int32()))

    tables = [of_round(number, pq.read_table(own))]
    counts = {round_name(number): len(tables[0])}
    for before, share in zip(range(number - 1, 0, -1), shares, strict=False):
        table = pq.read_table(earlier[before])
        chosen = replayed_rows(table["prompt_id"].to_pylist(), share, seed=seed, number=number)
        tables.append(of_round(before, table.take(pa.array(chosen, pa.int64()))))
        counts[round_name(before)] = len(chosen)
    output.mkdir(exist_ok=True)
    pq.write_table(pa.concat_tables(tables, promote_options="permissive"), output / PAIRS)
    write_json(output / "replay.json", counts)
    return counts
