"""A base model in NF4 on a GPU: an adapter is trained on it, and sampled with it."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.models.quantization import quantization_settings
from quotetune.sampling.backend import Request
from quotetune.sampling.transformers import TransformersSampler
from quotetune.training.dpo_session import DpoSession
from training_data import random_rows, write_pairs

pytestmark = pytest.mark.gpu


def test_an_adapter_is_trained_on_and_sampled_with_a_base_in_four_bits(
    device: str, model: Path, tmp_path: Path
) -> None:
    config = ModelConfig(path=str(model), quantization="nf4")
    pairs = write_pairs(tmp_path / "pairs.parquet", random_rows(10))
    of_model = config.model_dump()
    job = {"method": "dpo", "pairs": str(pairs), "model": of_model, "base": of_model, "seed": 3}
    job |= {"adapter": None, "reference": "previous", "origin": None, "lora": {"r": 2}}
    job |= {"dpo": {"max_steps": 3, "learning_rate": 0.05, "save_steps": 10}}
    session = DpoSession(job, tmp_path / "work", lambda _: None)
    kept = session.trainer.model.get_base_model().model.layers[0].mlp.up_proj.base_layer.weight
    before = kept.detach().clone()
    assert (kept.dtype, kept.device.type) == (torch.uint8, device)
    session.train(None)
    session.save(tmp_path / "adapter", {})
    assert torch.equal(kept, before)
    weights = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float32}
    assert all(weight.isfinite().all() for weight in weights.values())
    # B starts at 0. A layer without gradients would leave it there.
    assert all(weight.any() for name, weight in weights.items() if "lora_B" in name)

    settings = SamplingConfig(backend="transformers", n=1, temperature=0.0, max_tokens=12)
    sampler = TransformersSampler(config, settings, tmp_path / "adapter")
    prompt = [1, 40, 50, 60]
    [[response]] = sampler.sample([Request(prompt, 0)], lambda _: None)
    loaded = AutoModelForCausalLM.from_pretrained(
        model, dtype="float32", **quantization_settings(config, "float32")
    )
    policy = PeftModel.from_pretrained(loaded, tmp_path / "adapter").eval()
    ids = list(prompt)
    for _ in response.token_ids:
        with torch.inference_mode():
            logits = policy(input_ids=torch.tensor([ids], device=policy.device)).logits
        ids.append(int(logits[0, -1].argmax()))
    assert response.token_ids == ids[len(prompt) :]
