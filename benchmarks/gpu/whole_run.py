"""The stages of `configs/smollm2-wiki.yaml` with more prompts and samples, until it is trained.

`quotetune train` continues where the last call was cut.
"""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.gpu.kit import Kit, Rows, row

CONFIG = Path(__file__).parents[2] / "configs/smollm2-wiki.yaml"
# Prompts, responses of each, and prompts of a part.
ON_GPU, ON_CPU = (2000, 32, 250), (24, 8, 6)
LAST = "round-1/train"
STAGES = {"samples": "sample", "scores": "score", "pairs": "pair", "adapter": "train"}


def measure(kit: Kit) -> None:
    """Run the stages; a run that was cut goes on."""
    prompts, n, part = ON_GPU if kit.gpu else ON_CPU
    run = kit.work / "run"
    settings = {
        "run": run,
        "index": kit.demo / "index",
        "model.path": kit.demo / "model",
        "prompts.path": kit.demo / "prompts.jsonl",
        "prompts.train_limit": prompts,
        "sampling.n": n,
        "sampling.chunk_prompts": part,
    }
    command = [sys.executable, "-m", "quotetune", "train", str(CONFIG), "--until", LAST]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    if done := subprocess.run(command, check=False).returncode:
        raise SystemExit(done)
    kit.part(LAST, lambda: _rows(run, f"{prompts} prompts, {n} responses"))


def _rows(run: Path, size: str) -> Rows:
    rows = []
    for directory, stage in STAGES.items():
        finished = json.loads((run / "round-1" / directory / "stage.json").read_text("utf-8"))
        seconds = finished["seconds"]
        rows.append(row(f"{stage}, seconds of the call that ended it", seconds, "s", size))
    record = json.loads((run / "round-1" / "adapter" / "training.json").read_text("utf-8"))
    pairs = f"{size}, {record['pairs']} pairs"
    return [*rows, row("train, a step", record["seconds_per_step"], "s", pairs)]
