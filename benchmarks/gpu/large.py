"""A step of LoRA of a model with random weights: its peak of memory beside the estimate."""

import json
import os
import sys
from pathlib import Path
from shutil import rmtree

from benchmarks.gpu.kit import Kit, Rows, row
from benchmarks.peak import watched
from benchmarks.training_memory import LORA, SHAPES, size_on_disk, write_job, write_model
from quotetune.pipeline.memory import Training, training_peak
from quotetune.runtime.cpu import advertises_amx
from quotetune.runtime.heap import with_kept_heap

STEPS = 2  # the first one makes the optimizer's moments
PEAK = "peak.json"


def measure(kit: Kit) -> None:
    """Train an adapter for two steps."""
    name = kit.shape or ("8B" if kit.gpu else "135M")
    if name not in SHAPES:
        raise SystemExit(f"error: --shape {name}: choose from {', '.join(SHAPES)}")
    model = kit.work / name / "model"

    def write() -> Rows:
        rmtree(model, ignore_errors=True)
        write_model(SHAPES[name], model)
        return []

    kit.part(f"model {name}", write)
    kit.part(f"training {name}", lambda: _train(kit, name))


def _train(kit: Kit, name: str) -> Rows:
    # As in configs/llama3-8b-wiki.yaml; on a CPU as in benchmarks/training_memory.py.
    pairs, half = (4, 320) if kit.gpu else (2, 64)
    directory = kit.work / name
    rmtree(directory / "output", ignore_errors=True)
    options = {
        "per_device_train_batch_size": pairs,
        "gradient_accumulation_steps": 1,
        "max_steps": STEPS,
        "save_steps": 1000,
        "max_length": 4096,
        "bf16": True,
    }
    job = write_job(directory, options, lora=True, pairs=2 * pairs, prompts=[half], response=half)
    seconds, peak = watched(
        [sys.executable, "-m", "benchmarks.gpu.training_peak", str(job)],
        with_kept_heap(os.environ),
    )
    record = json.loads((directory / "output" / "training.json").read_text("utf-8"))
    estimate = training_peak(
        size_on_disk(directory / "model"),
        Training(
            options,
            LORA,
            "auto",
            2 * pairs,
            2 * half,
            on_gpu=kit.gpu,
            fast_bf16=kit.gpu or advertises_amx(),
        ),
    )
    size = f"{name}, LoRA of rank {LORA['r']}, {pairs} pairs of 2 x {2 * half} tokens"
    measured = {"resident, VmHWM": 1024.0 * peak.resident}
    if kit.gpu:
        measured = json.loads((directory / PEAK).read_text("utf-8"))
    return [
        *(row(f"peak, {what}", value / 1e9, "GB", size) for what, value in measured.items()),
        row("peak, estimate of --dry-run", estimate / 1e9, "GB", size),
        row("a step, mean of two", record["seconds_per_step"], "s", size),
        row("start, steps and saving", seconds, "s", size),
    ]


def write_gpu_peak(directory: Path) -> None:
    """Write what the GPU has held at most since this process started."""
    import torch

    if not torch.cuda.is_available():
        return
    free, total = torch.cuda.mem_get_info()
    numbers = {
        "tensors": torch.cuda.max_memory_allocated(),
        "with the holes of torch's cache": torch.cuda.max_memory_reserved(),
        "of the device, at the end": total - free,
    }
    (directory / PEAK).write_text(json.dumps(numbers), "utf-8")
