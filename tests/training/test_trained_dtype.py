"""Weights that are trained are float32, whatever `model.dtype` is."""

import json

import pytest
import torch
from safetensors.torch import load_file

from killed_training import assert_same_weights, run_killed_at, weights
from quotetune.training.absorb.session import AbsorbSession
from quotetune.training.absorb.texts import AbsorbText, write_texts
from quotetune.training.checkpoints import newest_checkpoint
from quotetune.training.defaults import default_sft_options
from quotetune.training.dpo_session import DpoSession
from tiny_model import save_tiny_model
from training_data import random_rows, write_pairs

STEPS = 50
RATE = 5e-7


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A model that is stored in bf16, as most are."""
    from transformers import AutoModelForCausalLM

    directory = tmp_path_factory.mktemp("inputs")
    save_tiny_model(directory / "model")
    model = AutoModelForCausalLM.from_pretrained(directory / "model", dtype="bfloat16")
    model.save_pretrained(directory / "model")
    write_pairs(directory / "pairs.parquet", random_rows(10))
    texts = [AbsorbText(text) for text in ("A cat.", "A dog barks.", "Snow falls.", "It rains.")]
    write_texts(directory / "texts.parquet", texts)
    return directory


def make_job(inputs, method="dpo", *, lora=None, dtype="bfloat16", **options):
    model = {"path": str(inputs / "model"), "dtype": dtype}
    options = {
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "max_steps": 4,
        "learning_rate": 1e-3,
        "save_steps": 1,
        **options,
    }
    job = {"method": method, "model": model, "base": model, "adapter": None, "seed": 3}
    job |= {"lora": lora, method if method == "dpo" else "sft": options}
    if method == "sft":
        return job | {"texts": str(inputs / "texts.parquet"), "merge": False}
    return job | {
        "pairs": str(inputs / "pairs.parquet"),
        "reference": "previous",
        "origin": None,
    }


def run(job, work, report=lambda event: None):
    kind = AbsorbSession if job["method"] == "sft" else DpoSession
    session = kind(job, work, report)
    session.train(newest_checkpoint(work))
    session.save(work / "output", {})
    return session


def share_changed(before, after):
    """Share of the numbers that differ."""
    differ = sum((before[name].float() != after[name].float()).sum().item() for name in before)
    return differ / sum(tensor.numel() for tensor in before.values())


def stored(directory):
    [file] = directory.glob("*.safetensors")
    return load_file(file)


def adamw_on_everything(before, dtype):
    """The oracle: AdamW at this rate, and gradients that never vanish; no model at all."""
    parameters = {n: torch.nn.Parameter(t.to(dtype)) for n, t in before.items()}
    optimizer = torch.optim.AdamW(parameters.values(), lr=RATE)
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        for parameter in parameters.values():
            drawn = torch.randn(parameter.shape, generator=generator) + 1
            parameter.grad = drawn.to(dtype)
        optimizer.step()
    return {name: parameter.detach() for name, parameter in parameters.items()}


@pytest.mark.parametrize("method", ["dpo", "sft"])
def test_small_steps_change_as_many_weights_as_adamw_in_float32_does(inputs, tmp_path, method):
    job = make_job(
        inputs,
        method,
        max_steps=STEPS,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        save_steps=1000,
    )
    run(job, tmp_path)
    before, after = stored(inputs / "model"), weights(tmp_path / "output")
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}
    # Embeddings of tokens that occur in no text have no gradient.
    layers = {name: tensor for name, tensor in before.items() if "layers" in name}
    changed = share_changed(layers, {name: after[name] for name in layers})
    in_float32 = share_changed(layers, adamw_on_everything(layers, torch.float32))
    in_bf16 = share_changed(layers, adamw_on_everything(layers, torch.bfloat16))
    assert in_bf16 < 0.05
    assert changed == pytest.approx(in_float32, abs=0.05)
    # What bf16 files would keep of it.
    kept = share_changed(layers, {name: after[name].bfloat16() for name in layers})
    assert kept < 0.1


_OTHERS = [pytest.param(dtype, marks=pytest.mark.slow) for dtype in ("float16", "float32", "auto")]


@pytest.mark.parametrize("dtype", ["bfloat16", *_OTHERS])
def test_a_full_training_in_any_type_resumes_with_the_same_float32_weights(inputs, tmp_path, dtype):
    job = make_job(inputs, dtype=dtype)
    whole = run(job, tmp_path / "whole")
    assert {p.dtype for p in whole.trainer.model.parameters()} == {torch.float32}
    run_killed_at(run, 3, job, tmp_path / "killed")
    run(job, tmp_path / "killed")
    assert_same_weights(*(tmp_path / name / "output" for name in ("whole", "killed")))
    config = json.loads((tmp_path / "whole" / "output" / "config.json").read_text())
    assert config["dtype"] == "float32"


def test_the_type_decides_about_the_arithmetic_of_a_full_training(inputs, tmp_path):
    def arithmetic(dtype, **options):
        job = make_job(inputs, dtype=dtype, **options)
        session = DpoSession(job, tmp_path / dtype, lambda event: None)
        seen = []
        layer = session.trainer.model.model.layers[0].mlp.up_proj
        layer.register_forward_hook(lambda module, given, result: seen.append(result.dtype))
        session.train(None)
        return set(seen)

    assert arithmetic("bfloat16") == {torch.bfloat16}
    assert arithmetic("float32") == {torch.float32}
    assert arithmetic("bfloat16", bf16=False) == {torch.float32}


def test_fp16_is_taken_where_there_is_a_gpu(monkeypatch):
    assert "fp16" not in default_sft_options({}, lora=False, dtype="float16")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    chosen = default_sft_options({}, lora=False, dtype="float16")
    assert (chosen["fp16"], chosen["bf16"]) == (True, False)
    assert "fp16" not in default_sft_options({"bf16": True}, lora=False, dtype="float16")


def test_a_base_model_stays_in_its_type_below_an_adapter_whose_weights_are_float32(
    inputs, tmp_path
):
    session = run(make_job(inputs, lora={"r": 4}), tmp_path)
    types = {
        (parameter.requires_grad, parameter.dtype)
        for parameter in session.trainer.model.parameters()
    }
    assert types == {(False, torch.bfloat16), (True, torch.float32)}
    assert {tensor.dtype for tensor in weights(tmp_path / "output").values()} == {torch.float32}


@pytest.mark.parametrize("bf16", [None, False])
def test_modules_that_are_trained_beside_an_adapter_are_float32_too(inputs, tmp_path, bf16):
    lora = {"r": 4, "target_modules": ["q_proj"], "modules_to_save": ["lm_head"]}
    options = {} if bf16 is None else {"bf16": bf16}
    job = make_job(inputs, lora=lora, learning_rate=RATE, **options)
    session = run(job, tmp_path)
    trained = [p for p in session.trainer.model.parameters() if p.requires_grad]
    assert {parameter.dtype for parameter in trained} == {torch.float32}
    [name] = [name for name in weights(tmp_path / "output") if "lm_head" in name]
    before = {name: stored(inputs / "model")["lm_head.weight"]}
    assert share_changed(before, {name: weights(tmp_path / "output")[name]}) > 0.9


def test_a_checkpoint_in_bf16_of_an_earlier_version_is_resumed_in_float32(inputs, tmp_path):
    job = make_job(inputs)
    run_killed_at(run, 3, job, tmp_path)
    checkpoint = newest_checkpoint(tmp_path)
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype="bfloat16")
    model.save_pretrained(checkpoint)
    state = torch.load(checkpoint / "optimizer.pt", weights_only=True)
    for moments in state["state"].values():
        for name in ("exp_avg", "exp_avg_sq"):
            moments[name] = moments[name].bfloat16()
    torch.save(state, checkpoint / "optimizer.pt")
    session = run(job, tmp_path)
    moments = [m["exp_avg"].dtype for m in session.trainer.optimizer.state.values()]
    assert set(moments) == {torch.float32}
    assert {p.dtype for p in session.trainer.model.parameters()} == {torch.float32}
