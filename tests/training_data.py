"""Random pairs for the tiny model, as the pipeline would write them."""

import random
from pathlib import Path
from typing import Any

from tiny_model import tiny_tokenizer


def random_rows(count: int, seed: int = 0, *, longest: int = 24) -> list[dict[str, Any]]:
    """Rows of `pairs.parquet`; about every second response was cut, and has no end token."""
    tokenizer = tiny_tokenizer()
    rng = random.Random(seed)
    letters = range(5, len(tokenizer))

    def response() -> list[int]:
        end = [tokenizer.eos_token_id] if rng.random() < 0.5 else []
        return rng.choices(letters, k=rng.randint(3, longest)) + end

    rows = []
    for number in range(count):
        prompt = [tokenizer.bos_token_id, *rng.choices(letters, k=rng.randint(4, 12))]
        rows.append(
            {
                "prompt_id": f"prompt-{number}",
                "prompt_token_ids": prompt,
                "chosen_token_ids": response(),
                "rejected_token_ids": response(),
            }
        )
    return rows


def write_pairs(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tokens = pa.list_(pa.int32())
    names = ["prompt_token_ids", "chosen_token_ids", "rejected_token_ids"]
    fields = [pa.field("prompt_id", pa.string()), *(pa.field(name, tokens) for name in names)]
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), path)
    return path
