"""A training that diverges ends at that step, and what it saves or resumes from is finite."""

import json
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from killed_training import assert_same_weights, run_killed_at, weights
from quotetune.config import ModelConfig
from quotetune.errors import QuotetuneError
from quotetune.training import worker
from quotetune.training.absorb.session import AbsorbSession
from quotetune.training.absorb.texts import AbsorbText, write_texts
from quotetune.training.checkpoints import newest_checkpoint
from quotetune.training.dpo_session import DpoSession
from quotetune.training.finite import tensor_that_is_not_finite
from quotetune.training.run import run_training
from tiny_model import save_tiny_model
from training_data import random_rows, write_pairs

OPTIONS = {
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "max_steps": 6,
    "learning_rate": 0.01,
    "save_steps": 1,
    "bf16": False,
}
DIVERGING = {"learning_rate": 1e30, "max_grad_norm": 0}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("inputs")
    save_tiny_model(directory / "model")
    write_pairs(directory / "pairs.parquet", random_rows(10))
    texts = [AbsorbText(text) for text in ("A cat.", "A dog barks.", "Snow falls.", "It rains.")]
    write_texts(directory / "texts.parquet", texts)
    return directory


def make_job(inputs, method, *, lora=True, merge=False, **options):
    model = {"path": str(inputs / "model")}
    job = {"method": method, "model": model, "base": model, "adapter": None, "seed": 3}
    job |= {"lora": {"r": 4} if lora else None}
    if method == "sft":
        return job | {
            "texts": str(inputs / "texts.parquet"),
            "merge": merge,
            "sft": OPTIONS | options,
        }
    return job | {
        "pairs": str(inputs / "pairs.parquet"),
        "reference": "previous",
        "origin": None,
        "dpo": OPTIONS | options,
    }


def session_of(job, work, report=lambda event: None):
    kind = AbsorbSession if job["method"] == "sft" else DpoSession
    return kind(job, work, report)


def run(job, work, report=lambda event: None):
    session = session_of(job, work, report)
    session.train(newest_checkpoint(work, session.notice))
    session.save(work / "output", {})
    return session


METHODS = pytest.mark.parametrize("method", ["dpo", "sft"])


@METHODS
@pytest.mark.parametrize("lora", [True, False], ids=["adapter", "all weights"])
def test_a_loss_that_is_not_finite_ends_the_training_at_its_step(inputs, tmp_path, method, lora):
    job = make_job(inputs, method, lora=lora, **DIVERGING)
    with pytest.raises(QuotetuneError) as caught:
        run(job, tmp_path)
    block = {"dpo": "dpo", "sft": "absorb.sft"}[method]
    assert str(caught.value) == (
        f"step 2 of 6: the loss is nan: lower {block}.learning_rate (it is 1e+30),"
        f" or set {block}.max_grad_norm to 1"
    )
    assert not (tmp_path / "output").exists()
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-1"]


def spoil_gradient(session, value, steps):
    """Put a value into one number of one gradient, while the loss stays finite."""
    trainer = session.trainer
    [parameter] = [p for p in trainer.model.parameters() if p.requires_grad][:1]

    def spoil(gradient):
        spoilt = gradient.clone()
        if trainer.state.global_step + 1 in steps:
            spoilt.view(-1)[0] = value
        return spoilt

    parameter.register_hook(spoil)
    return session


@METHODS
@pytest.mark.parametrize("value", [math.inf, math.nan])
@pytest.mark.parametrize("max_grad_norm", [-1, 0, 1])
def test_a_gradient_norm_that_is_not_finite_ends_it_at_its_step(
    inputs, tmp_path, method, value, max_grad_norm
):
    job = make_job(inputs, method, max_grad_norm=max_grad_norm)
    session = spoil_gradient(session_of(job, tmp_path), value, {3})
    with pytest.raises(QuotetuneError, match=rf"^step 3 of 6: the gradient norm is {value}: lower"):
        session.train(None)
    assert newest_checkpoint(tmp_path).name == "checkpoint-2"


@METHODS
def test_the_very_first_loss_is_not_blamed_on_the_learning_rate(inputs, tmp_path, method):
    shutil.copytree(inputs / "model", tmp_path / "model")
    [file] = (tmp_path / "model").glob("*.safetensors")
    tensors = load_file(file)
    tensors["model.norm.weight"][0] = math.nan
    save_file(tensors, file, metadata={"format": "pt"})
    job = make_job(inputs, method) | {"model": {"path": str(tmp_path / "model")}}
    with pytest.raises(QuotetuneError, match=r"^step 1 of 6: the loss is nan: nothing was learned"):
        run(job, tmp_path / "work")


def scaled(session):
    """Train with torch's gradient scaler; accelerate itself makes one on GPUs alone."""
    session.trainer.accelerator.scaler = torch.amp.GradScaler("cpu")
    return session


OPTIMIZERS = pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused"])


@OPTIMIZERS
def test_a_scaler_may_skip_steps_of_any_gradient_norm(inputs, tmp_path, optim):
    job = make_job(inputs, "dpo", max_steps=24, optim=optim)
    session = spoil_gradient(scaled(session_of(job, tmp_path)), math.inf, set(range(2, 21)))
    session.train(None)
    assert session.trainer.state.global_step == 24
    session.save(tmp_path / "output", {})
    assert tensor_that_is_not_finite(tmp_path / "output") is None


@OPTIMIZERS
def test_twenty_skipped_steps_in_a_row_end_the_training(inputs, tmp_path, optim):
    job = make_job(inputs, "sft", max_steps=50, optim=optim)
    spoilt = {step for step in range(1, 51) if step != 15}  # 14, and from 16 on
    session = spoil_gradient(scaled(session_of(job, tmp_path)), math.inf, spoilt)
    with pytest.raises(QuotetuneError, match=r"^step 35 of 50: .* fp16 20 steps in a row: "):
        session.train(None)


def spoil_weight_after(session, step):
    """Make one weight NaN after a step; it is of a token that no text contains."""
    report = session.timer._report

    def spoil(event):
        if event.get("done") == step:
            embeddings = session.trainer.model.get_input_embeddings().weight
            embeddings.data[4 + ord("~") - ord("!"), 0] = math.nan
        report(event)

    session.timer._report = spoil
    return session


@METHODS
def test_a_weight_that_no_loss_shows_is_found_when_it_is_to_be_saved(inputs, tmp_path, method):
    rows = [
        {
            name: [min(id_, 60) for id_ in ids] if name.endswith("ids") else ids
            for name, ids in row.items()
        }
        for row in random_rows(10)
    ]
    pairs = write_pairs(tmp_path / "pairs.parquet", rows)
    job = make_job(inputs, method, lora=False, learning_rate=1e-3, save_steps=2)
    if method == "dpo":
        job["pairs"] = str(pairs)
    session = spoil_weight_after(session_of(job, tmp_path), 3)
    with pytest.raises(QuotetuneError, match=r"^step 4 of 6: the weights \S+ are not finite: low"):
        session.train(None)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-2"]


@pytest.mark.parametrize("merge", [False, True])
def test_a_result_that_is_not_finite_leaves_nothing(inputs, tmp_path, monkeypatch, merge):
    job = make_job(inputs, "sft", merge=merge, save_steps=100)
    job["output"] = str(tmp_path / "output")
    work = tmp_path / "work"

    class Spoilt(AbsorbSession):
        def save(self, directory, versions):
            [last] = [p for p in self.trainer.model.parameters() if p.requires_grad][-1:]
            last.data[0, 0] = math.nan
            super().save(directory, versions)

    monkeypatch.setattr("quotetune.training.absorb.session.AbsorbSession", Spoilt)
    with pytest.raises(QuotetuneError, match=r"step 6 of 6: the weights .* are not finite"):
        worker.train(job, work, lambda event: None)
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


def spoil_checkpoint(checkpoint, value):
    [file] = checkpoint.glob("*.safetensors")
    tensors = load_file(file)
    name = sorted(tensors)[-1]
    tensors[name].view(-1)[-1] = value
    save_file(tensors, file, metadata={"format": "pt"})


@METHODS
def test_a_training_resumes_from_the_newest_checkpoint_that_is_finite(inputs, tmp_path, method):
    job = make_job(inputs, method, save_total_limit=3)
    run(job, tmp_path / "whole")
    run_killed_at(run, 5, job, tmp_path / "killed")
    names = sorted(path.name for path in (tmp_path / "killed").glob("checkpoint-*"))
    assert names == ["checkpoint-2", "checkpoint-3", "checkpoint-4"]
    spoil_checkpoint(tmp_path / "killed" / "checkpoint-4", math.nan)
    spoil_checkpoint(tmp_path / "killed" / "checkpoint-3", -math.inf)
    resumed = run(job, tmp_path / "killed")
    bad, worse = resumed.record()["notices"]
    assert bad.startswith("checkpoint-4: its weights ")
    assert bad.endswith(" are not finite, so the training continues at checkpoint-3")
    assert worse.startswith("checkpoint-3: ")
    assert worse.endswith("continues at checkpoint-2")
    assert_same_weights(*(tmp_path / name / "output" for name in ("whole", "killed")))


def test_without_a_finite_checkpoint_it_starts_over(inputs, tmp_path):
    job = make_job(inputs, "dpo")
    whole = run(job, tmp_path / "whole")
    run_killed_at(run, 3, job, tmp_path / "killed")
    spoil_checkpoint(tmp_path / "killed" / "checkpoint-2", math.nan)
    resumed = run(job, tmp_path / "killed")
    [notice] = resumed.record()["notices"]
    assert notice.endswith("are not finite, so the training starts over")
    assert resumed.record()["history"] == whole.record()["history"]
    assert_same_weights(*(tmp_path / name / "output" for name in ("whole", "killed")))


# How a child's error reaches its parent is tested in test_child_errors.py.
@pytest.mark.usefixtures("without_children")
def test_the_run_says_it_in_one_line_and_leaves_no_result(inputs, tmp_path):
    with pytest.raises(QuotetuneError, match=r"^step 2 of 6: the loss is nan: lower dpo\.") as told:
        run_training(
            inputs / "pairs.parquet",
            tmp_path / "adapter",
            work=tmp_path / "work",
            model=ModelConfig(path=str(inputs / "model")),
            lora={"r": 2},
            dpo=OPTIONS | DIVERGING,
            seed=0,
        )
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


def test_the_stage_is_named():
    from quotetune.errors import UsageError
    from quotetune.stages.training import named

    with pytest.raises(QuotetuneError, match=r"^round-1/train: step 2: x$"), named("round-1/train"):
        raise QuotetuneError("step 2: x")
    with pytest.raises(UsageError, match=r"^a\.yaml: x$"), named("round-1/train"):
        raise UsageError("a.yaml: x")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_tensor_is_named_whatever_its_type(tmp_path, dtype):
    fine = {"a": torch.ones(3, dtype=dtype), "ids": torch.arange(3)}
    save_file(fine, tmp_path / "model-1.safetensors")
    assert tensor_that_is_not_finite(tmp_path) is None
    save_file({"b": torch.tensor([0, math.inf], dtype=dtype)}, tmp_path / "model-2.safetensors")
    assert tensor_that_is_not_finite(tmp_path) == "b"


def test_a_sound_training_is_not_ended(inputs, tmp_path):
    run(make_job(inputs, "dpo", max_grad_norm=0), tmp_path)
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path / "output").values())
    assert json.loads((tmp_path / "output" / "training.json").read_text())["notices"] == []
