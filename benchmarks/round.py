"""A round of quote-tuning: its sampling next to bare vLLM, its training next to a bare TRL script.

Afterwards the trained policy is sampled, as an evaluation or the next round does.

The model, index, prompts and settings are those of the demo (`configs/demo.yaml`), in smaller
numbers. The bare scripts get the same requests and pairs as the round.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.settings import QUOTETUNE, TRL, VLLM, Settings
from benchmarks.table import Row, Table
from benchmarks.timing import Time, timed
from quotetune.config import ModelConfig, PairsConfig, SamplingConfig
from quotetune.pairing.candidates import CandidateFiles
from quotetune.pairing.run import pair_samples
from quotetune.pairing.scoring import score_samples
from quotetune.prompts.prompt import Prompt
from quotetune.runtime.cpu import child_environment
from quotetune.sampling import run_sampling
from quotetune.sampling.run import Progress
from quotetune.training.run import run_training

TEMPLATE = "What is {}? Answer in one short encyclopedia paragraph."
LORA = {"r": 16, "lora_alpha": 32, "target_modules": "all-linear"}
DPO = {"learning_rate": 2e-4, "per_device_train_batch_size": 8, "max_length": 256}
# quotetune chooses this on a CPU, and both get it: no torch.compile, no prompt in two batches.
CPU_ENGINE = {
    "enforce_eager": True,
    "enable_chunked_prefill": False,
    "max_num_batched_tokens": 8192,
    "max_num_seqs": 256,
    "block_size": 32,
    "kv_cache_memory_bytes": 2 << 30,
}


@dataclass(frozen=True)
class Size:
    """How much of a round to run.

    Attributes:
        prompts: Number of prompts to sample.
        n: Responses per prompt.
        max_tokens: Most tokens per response.
        n_after: Responses per prompt from the trained policy.
        pairs_per_prompt: Most pairs per prompt.
        backend: The sampling backend.
    """

    prompts: int = 16
    n: int = 16
    n_after: int = 4
    max_tokens: int = 64
    pairs_per_prompt: int = 4
    backend: str = "auto"


@dataclass(frozen=True)
class Round:
    """The work and the time of a round.

    Attributes:
        stages: Time of each stage.
        sampled: Number of sampled tokens and their seconds, without the start of the engine.
        sampled_after: The same for the trained policy.
        cpu_after: CPU seconds of that sampling, including the start of the engine.
        steps: Number of training steps.
        training: Seconds of these steps, without the start, and CPU seconds of the whole training.
        without_heap: The same for a training that gives its memory back to the system.
        pairs: Number of preference pairs.
    """

    stages: dict[str, Time]
    sampled: Progress
    sampled_after: Progress
    cpu_after: float
    steps: int
    training: Time
    without_heap: Time
    pairs: int


def tables(settings: Settings, size: Size | None = None) -> list[Table]:
    """Measure a round and the bare scripts."""
    size = size or Size()
    work = settings.work / "round"
    done = run_round(settings.demo, work, size)
    sampling = [_drawn(done.sampled, done.stages["sample"].cpu)]
    after = [_drawn(done.sampled_after, done.cpu_after)]
    training = [
        Row(QUOTETUNE, done.steps, done.training),
        Row(f"{QUOTETUNE}, memory given back", done.steps, done.without_heap),
    ]
    if VLLM in settings.systems:
        sampling.append(bare(VLLM, "bare_vllm", work / "samples" / "job.json"))
        after.append(bare(VLLM, "bare_vllm", work / "samples-after" / "job.json"))
    if TRL in settings.systems:
        training.append(bare(TRL, "bare_trl", work / "training-of-adapter" / "job.json"))
    return [
        Table(
            title=f"Sampling {size.n} responses for each of {size.prompts} prompts",
            unit="tokens per second",
            rows=sampling,
            notes=(
                f"SmolLM2-135M-Instruct, at most {size.max_tokens} tokens per response, all cores. "
                "Both get the same requests, seeds and engine settings. Wall time covers "
                "generation only; CPU time covers the whole process, from start to end.",
            ),
        ),
        Table(
            title=f"DPO on {done.pairs} pairs",
            unit="steps per second",
            rows=training,
            notes=(
                f"LoRA of rank {LORA['r']}, {DPO['per_device_train_batch_size']} pairs per step, "
                "all cores. All get the same pairs and settings, except that TRL's batches are in "
                "random order. Wall time covers the steps only; CPU time covers the whole process, "
                "from start to end. By default, a training of quotetune keeps the memory that it "
                "frees. Otherwise the system clears it again in each step.",
            ),
        ),
        Table(
            title=f"Sampling {size.n_after} responses per prompt from the trained policy",
            unit="tokens per second",
            rows=after,
            notes=("As above, but with the adapter, which neither system merges into the model.",),
        ),
        Table(
            title="Stages of that round",
            unit="seconds",
            rows=[Row(name, 1.0, time) for name, time in done.stages.items()],
            seconds_each=1.0,
            compares=False,
            notes=(f"Scoring and pairing take {_share(done.stages):.2%} of the round's time.",),
        ),
    ]


def run_round(demo: Path, work: Path, size: Size) -> Round:
    """Sample, score, pair and train.

    Args:
        demo: Directory with `model/`, `prompts.jsonl` and `index/`.
        work: Directory for the results.
        size: How much to run.

    Returns:
        The work and the time of the round.
    """
    model = ModelConfig(path=str(demo / "model"), dtype="bfloat16")
    prompts = round_prompts(demo / "prompts.jsonl", size.prompts)
    scores, pairs = work / "scores" / "scores.parquet", work / "pairs"
    sampled: list[Progress] = []

    def sample(name: str, n: int, adapter: Path | None) -> Progress:
        progress: list[Progress] = []
        run_sampling(
            prompts,
            work / name,
            model=model,
            sampling=round_sampling(size, n),
            adapter=adapter,
            seed=0,
            round=1,
            progress=progress.append,
        )
        return progress[-1]

    def sample_base() -> None:
        sampled.append(sample("samples", size.n, None))

    def sample_after() -> None:
        sampled.append(sample("samples-after", size.n_after, work / "adapter"))

    def pair() -> None:
        chosen = PairsConfig(
            rule="average", delta_quip=0, delta_length=1, pairs_per_prompt=size.pairs_per_prompt
        )
        pair_samples(CandidateFiles(work / "samples", scores), pairs, chosen, seed=0)

    def train(name: str = "adapter") -> None:
        run_training(
            pairs / "pairs.parquet",
            work / name,
            work=work / f"training-of-{name}",
            model=model,
            lora=LORA,
            dpo=DPO | {"num_train_epochs": 1},
            seed=0,
        )

    stages: dict[str, Callable[[], None]] = {
        "sample": sample_base,
        "score": lambda: score_samples(
            work / "samples", demo / "index", scores.parent, lambda *_: None
        ),
        "pair": pair,
        "train": train,
    }
    times = {name: timed(stage) for name, stage in stages.items()}
    cpu_after = timed(sample_after).cpu
    with patch("quotetune.runtime.child.with_kept_heap", dict):
        cpu_without_heap = timed(lambda: train("adapter-without-heap")).cpu
    record, without_heap = (
        json.loads((work / name / "training.json").read_text("utf-8"))
        for name in ("adapter", "adapter-without-heap")
    )
    return Round(
        stages=times,
        sampled=sampled[0],
        sampled_after=sampled[1],
        cpu_after=cpu_after,
        steps=record["steps"],
        training=Time(record["steps"] * record["seconds_per_step"], times["train"].cpu),
        without_heap=Time(
            without_heap["steps"] * without_heap["seconds_per_step"], cpu_without_heap
        ),
        pairs=record["pairs"],
    )


def _drawn(sampled: Progress, cpu: float) -> Row:
    return Row(QUOTETUNE, sampled.tokens, Time(sampled.seconds, cpu))


def round_sampling(size: Size, n: int) -> SamplingConfig:
    """Return the settings that a round of some size samples with.

    Args:
        size: How much of a round to run.
        n: Responses per prompt.
    """
    on_cpu = not _has_accelerator()
    return SamplingConfig(
        backend=size.backend,
        n=n,
        temperature=0.7,
        top_p=0.95,
        max_tokens=size.max_tokens,
        chunk_prompts=size.prompts,
        engine=CPU_ENGINE if on_cpu and size.backend != "transformers" else {},
    )


def round_prompts(path: Path, count: int) -> list[Prompt]:
    """Return the first prompts of a file, as the demo asks them."""
    with path.open(encoding="utf-8") as file:
        records = [json.loads(line) for line, _ in zip(file, range(count), strict=False)]
    return [
        Prompt(
            id=record["id"],
            messages=[{"role": "user", "content": TEMPLATE.format(record["prompt"])}],
        )
        for record in records
    ]


def bare(system: str, module: str, job: Path) -> Row:
    """Run a bare script in its own process; its last line has the amount and the seconds.

    Args:
        system: Name of the system.
        module: The script, a module of `benchmarks`.
        job: The job of quotetune whose work the script does.

    Raises:
        RuntimeError: The script failed. What it printed is on stderr.
    """
    output: list[str] = []

    def run() -> None:
        command = [sys.executable, "-m", f"benchmarks.{module}", str(job)]
        done = subprocess.run(
            command, env=child_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.stderr.write(done.stderr)
            raise RuntimeError(f"{system} failed")
        output.append(done.stdout)

    cpu = timed(run).cpu
    result: dict[str, Any] = json.loads(output[0].splitlines()[-1])
    return Row(system, result["amount"], Time(result["seconds"], cpu))


def _share(stages: dict[str, Time]) -> float:
    ours = stages["score"].wall + stages["pair"].wall
    return ours / sum(time.wall for time in stages.values())


def _has_accelerator() -> bool:
    import torch

    return bool(torch.accelerator.is_available())
