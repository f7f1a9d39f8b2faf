"""Two processes on a CPU, with gloo, learn what one process learns: with DDP and with FSDP2."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from killed_training import assert_same_weights
from quotetune.config import ModelConfig
from quotetune.errors import QuotetuneError
from quotetune.runtime.ranks import run_ranks
from quotetune.training.absorb.texts import AbsorbText, write_texts
from quotetune.training.run import TrainingProgress, run_training
from rank_trainings import train
from tiny_model import save_tiny_adapter, save_tiny_model
from training_data import random_rows, write_pairs

# 11 pairs, 4 per step: the third step of each epoch has a batch of two pairs and one of one pair.
WHOLE_BATCHES = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}
ONE_BATCH = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1}
TEXTS = [
    "A cat is an animal.",
    "A dog barks at night.",
    "Snow.",
    "Rain falls on the plain, and the plain is in Spain.",
    "The sun rises in the east.",
]
STEPS = 10


def dpo(inputs: Path, *, lora: bool, adapter: bool = False, **options: Any) -> dict[str, Any]:
    dtype = options.pop("dtype", "auto")
    model = {"path": str(inputs / "model"), "dtype": dtype}
    return {
        "method": "dpo",
        "pairs": str(inputs / "pairs.parquet"),
        "model": model,
        "base": model,
        "adapter": str(inputs / "adapter") if adapter else None,
        "reference": "previous",
        "origin": None,
        "lora": {"r": 4} if lora else None,
        "dpo": {
            **WHOLE_BATCHES,
            "max_steps": STEPS,
            "learning_rate": 1e-3 if lora else 1e-4,
            "save_steps": 2,
            "bf16": False,
            **options,
        },
        "seed": 3,
    }


def absorb(inputs: Path, *, lora: bool, **options: Any) -> dict[str, Any]:
    model = {"path": str(inputs / "model")}
    return {
        "method": "sft",
        "texts": str(inputs / "texts.parquet"),
        "model": model,
        "base": model,
        "adapter": None,
        "lora": {"r": 4} if lora else None,
        "merge": lora,
        "sft": {
            **WHOLE_BATCHES,
            "max_steps": STEPS,
            "learning_rate": 1e-3,
            "bf16": False,
            **options,
        },
        "seed": 3,
    }


def trainings(inputs: Path) -> dict[str, dict[str, Any]]:
    """All trainings, by their names."""
    return {
        "adapter": {"kind": "fsdp2", "job": dpo(inputs, lora=True)},
        "adapter with TRL's head": {
            "kind": "fsdp2",
            "job": dpo(inputs, lora=True),
            "options": {"head": "trl"},
        },
        "all weights": {"kind": "fsdp2", "job": dpo(inputs, lora=False)},
        "merged texts": {"kind": "fsdp2", "job": absorb(inputs, lora=True, **ONE_BATCH)},
        "old adapter, replicated": {"kind": "ddp", "job": dpo(inputs, lora=True, adapter=True)},
        "all weights, replicated": {"kind": "ddp", "job": dpo(inputs, lora=False, **ONE_BATCH)},
        "texts, replicated": {"kind": "ddp", "job": absorb(inputs, lora=False)},
        "random order, replicated": {
            "kind": "ddp",
            "job": dpo(inputs, lora=True, train_sampling_strategy="random"),
        },
        "bf16": {
            "kind": "fsdp2",
            "job": dpo(inputs, lora=True, dtype="bfloat16", bf16=True),
        },
    }


NAMES = list(trainings(Path()))
RESUMED = ["adapter", "all weights"]
SHARDED = [name for name, training in trainings(Path()).items() if training["kind"] == "fsdp2"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shared")
    model = save_tiny_model(directory / "model")
    save_tiny_adapter(model, directory / "adapter")
    write_pairs(directory / "pairs.parquet", random_rows(11))
    write_texts(directory / "texts.parquet", map(AbsorbText, TEXTS))
    return directory


@pytest.fixture(scope="module")
def two(inputs: Path) -> Path:
    """What two processes learned. All trainings are done in one start of them."""
    directory = inputs / "two"
    directory.mkdir()
    todo = [{"name": name, **training} for name, training in trainings(inputs).items()]
    for name in RESUMED:
        again = {**trainings(inputs)[name], "name": f"{name}, resumed"}
        todo += [{**again, "options": {"stop_at": 5}}, again]
    (directory / "job.json").write_text(json.dumps({"trainings": todo}))
    notices: list[str] = []
    run_ranks(
        "rank_trainings",
        directory / "job.json",
        directory / "log",
        lambda event: notices.append(event.get("notice", "")),
        name="training",
        count=2,
        variables={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return directory


@pytest.fixture(scope="module")
def one(inputs: Path) -> Path:
    directory = inputs / "one"
    directory.mkdir()
    return directory


def learned(work: Path) -> list[tuple[int, list[int]]]:
    """The rows that all ranks learned, each with its step."""
    ranks = [json.loads(path.read_text())["rows"] for path in work.glob("rank-*.json")]
    return sorted((step, row) for rows in ranks for step, row in rows)


def history(work: Path) -> list[dict[str, float]]:
    content = json.loads((work / "output" / "training.json").read_text())
    return list(content["history"])


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_learn_the_same_rows_at_each_step_and_have_the_same_losses(
    two: Path, one: Path, inputs: Path, name: str
) -> None:
    train(trainings(inputs)[name], one / name, lambda event: None)
    assert learned(two / name) == learned(one / name)
    alone, together = history(one / name), history(two / name)
    assert [entry["step"] for entry in together] == list(range(1, STEPS + 1))
    # A product of bf16 numbers is rounded to 8 bits.
    allowed = 0.02 if name == "bf16" else 1e-4
    for mine, theirs in zip(alone, together, strict=True):
        assert theirs["learning_rate"] == mine["learning_rate"]
        assert theirs["loss"] == pytest.approx(mine["loss"], abs=allowed)
        assert theirs["grad_norm"] == pytest.approx(mine["grad_norm"], rel=30 * allowed)
        if "margin" in mine and mine["step"] % 3:
            # TRL logs the mean over batches, and ours is the mean over pairs. They are different
            # where a batch is short.
            assert theirs["margin"] == pytest.approx(mine["margin"], abs=10 * allowed)


@pytest.mark.parametrize("name", SHARDED)
def test_each_rank_has_a_shard_of_every_weight(two: Path, name: str) -> None:
    ranks = [json.loads((two / name / f"rank-{rank}.json").read_text()) for rank in (0, 1)]
    for record in ranks:
        assert record["shards"]
        assert all(sharded for sharded, _, _ in record["shards"].values())
        assert {kind for _, trained, kind in record["shards"].values() if trained} == {"float32"}
        assert (record["own_head"] > 0) == (name in ("adapter", "merged texts", "bf16"))


def test_replicated_weights_are_whole(two: Path) -> None:
    record = json.loads((two / "all weights, replicated" / "rank-1.json").read_text())
    assert not any(sharded for sharded, _, _ in record["shards"].values())


def saved(work: Path) -> dict[str, torch.Tensor]:
    [file] = (work / "output").glob("*.safetensors")
    return dict(load_file(file))


@pytest.mark.parametrize("name", NAMES)
def test_the_saved_weights_are_whole_and_in_the_standard_form(
    two: Path, one: Path, inputs: Path, name: str
) -> None:
    if not (one / name).exists():
        train(trainings(inputs)[name], one / name, lambda event: None)
    alone, together = saved(one / name), saved(two / name)
    assert alone.keys() == together.keys()
    for key, weight in alone.items():
        assert together[key].dtype == weight.dtype == torch.float32
        # Adam divides by the size of a gradient, so a step is as large for one of almost 0.
        torch.testing.assert_close(together[key], weight, atol=2e-2, rtol=0)
    files = {path.name for path in (one / name / "output").iterdir()}
    assert {path.name for path in (two / name / "output").iterdir()} == files
    record = json.loads((two / name / "output" / "training.json").read_text())
    assert record["processes"] == {"kind": trainings(inputs)[name]["kind"], "count": 2}


@pytest.mark.parametrize("name", RESUMED)
def test_a_sharded_training_that_was_stopped_ends_with_the_same_weights(
    two: Path, name: str
) -> None:
    resumed = two / f"{name}, resumed"
    assert_same_weights(two / name / "output", resumed / "output")
    record = json.loads((resumed / "rank-0.json").read_text())
    assert min(step for step, _ in record["rows"]) == 4


@pytest.mark.slow  # it starts three processes that import everything
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_a_killed_rank_ends_the_training_with_its_name_and_one_process_continues(
    inputs: Path, one: Path, tmp_path: Path
) -> None:
    job = dpo(inputs, lora=True)
    output, work = tmp_path / "output", tmp_path / "work"
    notices: list[str] = []
    steps: list[int] = []
    killed: list[int] = []

    def call(progress: Callable[[TrainingProgress], None], **launch: Any) -> None:
        run_training(
            inputs / "pairs.parquet",
            output,
            work=work,
            model=ModelConfig(**job["model"]),
            lora=job["lora"],
            dpo=job["dpo"],
            seed=job["seed"],
            progress=progress,
            notice=notices.append,
            **launch,
        )

    def kill(now: TrainingProgress) -> None:
        if now.done == 5 and not killed:
            killed.append(rank_process(1))
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(QuotetuneError, match=r"^rank 1 of 2: the training process was killed.*"):
        call(kill, launch="ddp", processes=2)
    assert not output.exists()
    call(lambda now: steps.append(now.done))
    assert notices == ["checkpoint-4 was made by 2 processes, and 1 process continues it"]
    assert (steps[0], steps[-1]) == (4, STEPS)
    if not (one / "adapter").exists():
        train({"job": job}, one / "adapter", lambda event: None)
    content = json.loads((output / "training.json").read_text())
    losses = [entry["loss"] for entry in content["history"]]
    alone = [entry["loss"] for entry in history(one / "adapter")]
    assert losses == pytest.approx(alone, abs=1e-4)


def rank_process(rank: int) -> int:
    """The process of a rank that this one has started."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            variables = (stat.parent / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == os.getpid() and f"RANK={rank}".encode() in variables:
            return int(stat.parent.name)
    raise AssertionError("it does not run")
