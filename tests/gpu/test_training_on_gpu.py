"""Training on a GPU: its arithmetic, its head, and its memory, against the definitions."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import trl.trainer.dpo_trainer as trl_dpo
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from quotetune.config import ModelConfig
from quotetune.models.precision import has_fast_bf16
from quotetune.training.completion_log_probs import can_score_completions, use_in
from quotetune.training.dpo_session import DpoSession
from quotetune.training.run import run_training
from training_data import random_rows, write_pairs

pytestmark = pytest.mark.gpu

use_in(trl_dpo)
DPO = {"max_steps": 3, "learning_rate": 0.01, "save_steps": 10}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", random_rows(10))


def trained(
    model: Path, pairs: Path, output: Path, lora: Any, dtype: str
) -> tuple[DpoSession, set[Any]]:
    """Train, and return the session and the types of a layer's results."""
    of_model = {"path": str(model), "dtype": dtype}
    job = {"method": "dpo", "pairs": str(pairs), "model": of_model, "base": of_model, "lora": lora}
    job |= {"adapter": None, "reference": "previous", "origin": None, "dpo": DPO, "seed": 3}
    session = DpoSession(job, output / "work", lambda _: None)
    [layer] = [
        module
        for name, module in session.trainer.model.named_modules()
        if name.endswith("layers.0.mlp.up_proj")
    ]
    types: set[Any] = set()
    layer.register_forward_hook(lambda module, given, result: types.add(result.dtype))
    session.train(None)
    session.save(output / "policy", {})
    return session, types


def test_an_adapter_is_trained_in_bf16_and_kept_in_float32(
    device: str, model: Path, pairs: Path, tmp_path: Path
) -> None:
    session, types = trained(model, pairs, tmp_path, {"r": 4}, "bfloat16")
    assert {weight.device.type for weight in session.trainer.model.parameters()} == {device}
    assert {
        (weight.requires_grad, weight.dtype) for weight in session.trainer.model.parameters()
    } == {
        (False, torch.bfloat16),
        (True, torch.float32),
    }
    if device == "cuda" or has_fast_bf16():
        assert types == {torch.bfloat16}
    weights = load_file(tmp_path / "policy" / "adapter_model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    # B starts at 0.
    assert all(weight.any() for name, weight in weights.items() if "lora_B" in name)
    assert all(weight.isfinite().all() for weight in weights.values())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_all_weights_are_trained_in_half_precision_and_kept_in_float32(
    device: str, model: Path, pairs: Path, tmp_path: Path, dtype: str
) -> None:
    before = load_file(model / "model.safetensors")
    _, types = trained(model, pairs, tmp_path, None, dtype)
    # A CPU has no fp16.
    on_cpu = torch.float32 if dtype == "float16" else torch.bfloat16
    assert types == {on_cpu if device == "cpu" else getattr(torch, dtype)}
    after = load_file(tmp_path / "policy" / "model.safetensors")
    assert {weight.dtype for weight in after.values()} == {torch.float32}
    assert all(weight.isfinite().all() for weight in after.values())
    name = "model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(after[name], before[name])


def test_a_head_that_moves_to_the_gpu_is_left_to_trl_and_gives_the_same_numbers(
    device: str, model: Path
) -> None:
    """The trainer adds the head while the model is on the CPU, and moves it afterwards."""
    policy = AutoModelForCausalLM.from_pretrained(model, dtype="float32").requires_grad_(False)
    ids = torch.randint(5, 90, (4, 60), generator=torch.Generator().manual_seed(3))
    labels = ids.clone()
    labels[:, :7] = -100
    expected = policy(input_ids=ids).logits[:, :-1].log_softmax(-1)
    expected = expected.gather(2, ids[:, 1:, None])[..., 0] * (labels[:, 1:] != -100)
    trl_dpo.add_fused_lm_head(policy, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
    policy.to(device)
    assert can_score_completions(policy) == (device == "cpu")
    output = policy(input_ids=ids.to(device), labels=labels.to(device), fused_lm_head=True)
    assert output.log_probs.device.type == device
    torch.testing.assert_close(output.log_probs.cpu(), expected, atol=1e-3, rtol=1e-3)


def test_the_training_of_a_run_gives_the_memory_back(
    device: str, model: Path, pairs: Path, tmp_path: Path
) -> None:
    def used() -> int:
        if device == "cpu":
            return 0
        free, total = torch.cuda.mem_get_info()
        return int(total - free)

    before = used()
    run_training(
        pairs,
        tmp_path / "adapter",
        work=tmp_path / "work",
        model=ModelConfig(path=str(model)),
        lora={"r": 4},
        dpo=DPO,
        seed=0,
    )
    record = json.loads((tmp_path / "adapter" / "training.json").read_text("utf-8"))
    assert record["steps"] == 3
    assert record["dpo"].get("use_cpu", False) == (device == "cpu")
    assert used() - before < 1 << 28  # a process on a GPU takes more, even without a model
