"""Steps per second of quotetune and of a bare TRL script, with an adapter and of all weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from benchmarks.gpu.kit import Kit, Rows, row
from benchmarks.round import DPO, LORA, TEMPLATE, bare
from benchmarks.settings import QUOTETUNE, TRL
from quotetune.config import ModelConfig
from quotetune.training.run import run_training


@dataclass(frozen=True)
class Size:
    """How much is trained: the pairs, those of a step, and the tokens of a response."""

    pairs: int
    batch: int
    tokens: int


ON_GPU = Size(1024, 16, 256)
ON_CPU = Size(12, 4, 48)
# What is trained, and its learning rate: all weights diverge at that of an adapter.
TRAINED: Mapping[str, tuple[dict[str, Any] | None, float]] = {
    f"LoRA of rank {LORA['r']}": (LORA, 2e-4),
    "all weights": (None, 1e-6),
}


def measure(kit: Kit) -> None:
    """Train on the same pairs by both systems."""
    size = ON_GPU if kit.gpu else ON_CPU
    pairs = kit.work / "pairs.parquet"
    kit.part("pairs", lambda: _write_pairs(kit.demo, pairs, size.pairs, size.tokens))
    for name, (lora, _) in TRAINED.items():
        work = kit.work / ("lora" if lora else "full")
        kit.part(f"{QUOTETUNE}, {name}", partial(_ours, kit.demo, work, pairs, size, name))
        kit.part(f"{TRL}, {name}", partial(_bare, work, size, name))


def _ours(demo: Path, work: Path, pairs: Path, size: Size, name: str) -> Rows:
    lora, rate = TRAINED[name]
    batch = {"per_device_train_batch_size": size.batch, "gradient_accumulation_steps": 1}
    rmtree(work, ignore_errors=True)
    run_training(
        pairs,
        work / "policy",
        work=work / "training",
        model=ModelConfig(path=str(demo / "model"), dtype="bfloat16"),
        lora=lora,
        dpo={**DPO, **batch, "max_length": 512, "learning_rate": rate, "num_train_epochs": 1},
        seed=0,
    )
    record = json.loads((work / "policy" / "training.json").read_text("utf-8"))
    return _rows(QUOTETUNE, name, 1 / record["seconds_per_step"], record["steps"], size)


def _bare(work: Path, size: Size, name: str) -> Rows:
    measured = bare(TRL, "bare_trl", work / "training" / "job.json")
    assert measured.time is not None
    steps = measured.amount
    return _rows(TRL, name, steps / measured.time.wall, int(steps), size)


def _rows(system: str, name: str, rate: float, steps: int, size: Size) -> Rows:
    work = f"{steps} steps of {size.batch} pairs, responses of at most {size.tokens} tokens"
    return [row(f"{system}, {name}", rate, "steps/s", work)]


def _write_pairs(demo: Path, path: Path, count: int, tokens: int) -> Rows:
    """Write pairs of the right text for a prompt, and of that for the next one."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from transformers import AutoTokenizer

    with (demo / "prompts.jsonl").open(encoding="utf-8") as file:
        records = [json.loads(line) for line, _ in zip(file, range(count + 1), strict=False)]
    tokenizer = AutoTokenizer.from_pretrained(demo / "model")
    texts = [
        tokenizer.decode(tokenizer(record["reference"])["input_ids"][:tokens]) for record in records
    ]
    rows = []
    for record, chosen, rejected in zip(records, texts, texts[1:], strict=False):
        message = {"role": "user", "content": TEMPLATE.format(record["prompt"])}
        prompt = tokenizer.apply_chat_template(
            [message], add_generation_prompt=True, return_dict=True
        )
        rows.append(
            {
                "prompt_token_ids": prompt["input_ids"],
                "chosen": chosen,
                "rejected": rejected,
                "chosen_token_ids": tokenizer(chosen)["input_ids"],
                "rejected_token_ids": tokenizer(rejected)["input_ids"],
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return []
