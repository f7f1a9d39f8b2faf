"""A run with any number of held-out prompts, to measure the report: a real run, repeated."""

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quotetune.prompts.prompt import load_prompts, write_prompts


def enlarge(run: Path, directory: Path, prompts: int) -> Path:
    """Repeat the held-out prompts and responses of a run under new ids; return the new run."""
    shutil.copytree(run, directory, ignore=shutil.ignore_patterns("*.safetensors", "training"))
    heldout = directory / "prompts" / "heldout.parquet"
    originals = load_prompts(heldout)
    times = -(-prompts // len(originals))
    copies = [replace(p, id=f"{p.id} {turn}") for turn in range(times) for p in originals]
    kept = copies[:prompts]
    write_prompts(heldout, kept)
    ids = pa.array([prompt.id for prompt in kept])
    for path in (directory / "evaluation").rglob("*.parquet"):
        table = pq.read_table(path)
        place = table.column_names.index("prompt_id")
        turns = []
        for turn in range(times):
            renamed = pc.binary_join_element_wise(table["prompt_id"], str(turn), " ")
            turns.append(table.set_column(place, table.schema.field(place), renamed))
        enlarged = pa.concat_tables(turns)
        pq.write_table(enlarged.filter(pc.is_in(enlarged["prompt_id"], ids)), path)
    return directory
