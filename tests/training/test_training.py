"""`run_training`: the child process, its end, its errors, and the files that it leaves."""

import json
import sys

import pytest

from quotetune.config import ModelConfig
from quotetune.errors import QuotetuneError, UsageError
from quotetune.training.run import run_training
from tiny_model import save_tiny_adapter
from training_data import random_rows, write_pairs

OPTIONS = {
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "num_train_epochs": 1,
    "learning_rate": 0.01,
    "save_steps": 1,
}


@pytest.fixture(scope="module")
def model_config(model):
    return ModelConfig(path=str(model))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", random_rows(12))


class InterruptedTrainingError(Exception):
    """Raised by a progress callback, after which the child is killed by SIGKILL."""


def test_a_child_killed_in_mid_training_resumes_at_its_checkpoint(tmp_path, model_config, pairs):
    output, work = tmp_path / "adapter", tmp_path / "work"

    def train(progress=None):
        run_training(
            pairs,
            output,
            work=work,
            model=model_config,
            lora={"r": 2},
            dpo=OPTIONS,
            seed=0,
            progress=progress,
        )

    def interrupt(now):
        if now.done == 2:
            raise InterruptedTrainingError

    with pytest.raises(InterruptedTrainingError):
        train(interrupt)
    assert not output.exists()
    steps = []
    train(steps.append)
    assert steps[0].done >= 1
    assert (steps[-1].done, steps[-1].steps) == (3, 3)
    assert steps[-1].loss is not None
    assert steps[-1].seconds_per_step > 0
    record = json.loads((output / "training.json").read_text())
    assert record["pairs"] == 12
    assert [entry["step"] for entry in record["history"]] == [1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "work"]
    assert sorted(path.name for path in work.iterdir()) == ["job.json", "training.log"]

    # The same call has nothing to do.
    before = (output / "training.json").stat().st_mtime_ns
    train(lambda now: pytest.fail("it trains again"))
    assert (output / "training.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_the_worker_runs_under_accelerate_launch(tmp_path, model_config, pairs):
    launch = tmp_path / "accelerate.yaml"
    launch.write_text("distributed_type: 'NO'\nuse_cpu: true\nnum_processes: 1\n")
    output = tmp_path / "adapter"
    steps = []
    run_training(
        pairs,
        output,
        work=tmp_path / "work",
        model=model_config,
        lora={"r": 2},
        dpo=OPTIONS,
        seed=0,
        launch=launch,
        progress=steps.append,
    )
    assert (steps[-1].done, steps[-1].steps) == (3, 3)
    assert (output / "adapter_model.safetensors").exists()


def test_a_child_that_fails_says_why_in_one_line_and_leaves_nothing(tmp_path, model_config, pairs):
    with pytest.raises(QuotetuneError, match=r"exo_pair") as caught:
        run_training(
            pairs,
            tmp_path / "adapter",
            work=tmp_path / "work",
            model=model_config,
            lora={"r": 2},
            dpo={**OPTIONS, "loss_type": "exo_pair"},
            seed=0,
        )
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "adapter").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dpo": {"betta": 1}}, "dpo.betta"),
        ({"lora": {"rank": 1}}, "lora.rank"),
        ({"model": ModelConfig(path="./nowhere")}, "./nowhere"),
    ],
)
def test_invalid_input_is_refused_before_any_child_starts(
    tmp_path, model_config, pairs, monkeypatch, change, reason
):
    monkeypatch.setattr(sys, "executable", "/no/child/may/start")
    call = {"model": model_config, "lora": {"r": 2}, "dpo": OPTIONS, **change}
    with pytest.raises(UsageError, match=reason):
        run_training(pairs, tmp_path / "adapter", work=tmp_path / "work", seed=0, **call)
    assert list(tmp_path.iterdir()) == []


def test_all_weights_cannot_be_trained_on_top_of_an_adapter(tmp_path, model, model_config, pairs):
    adapter = save_tiny_adapter(model, tmp_path / "adapter")
    with pytest.raises(UsageError, match="lora is null"):
        run_training(
            pairs,
            tmp_path / "output",
            work=tmp_path / "work",
            model=model_config,
            adapter=adapter,
            lora=None,
            dpo=OPTIONS,
            seed=0,
        )
