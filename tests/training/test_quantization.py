"""A base model in NF4: an adapter is trained on it, and sampled with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import tiny_run
from quotetune.config import Config, ModelConfig, SamplingConfig
from quotetune.errors import UsageError
from quotetune.models import quantization
from quotetune.models.config_size import known_size
from quotetune.models.size import model_size
from quotetune.pipeline.memory import Training, frozen_bytes
from quotetune.pipeline.peaks import peaks
from quotetune.pipeline.preflight import check_inputs
from quotetune.sampling import run_sampling
from training_data import random_rows, write_pairs


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = tiny_run.write_inputs(tmp_path_factory.mktemp("inputs"))
    found["model"] = {**found["model"], "quantization": "nf4"}
    found["sampling"] = {**found["sampling"], "backend": "transformers"}
    return found


def problems(content: dict[str, Any], **blocks: Any) -> list[str]:
    return list(map(str, check_inputs(Config.model_validate({**content, **blocks}))))


def test_settings_without_it_are_dumped_as_before() -> None:
    assert "quantization" not in ModelConfig(path="model").model_dump()


def test_what_does_not_work_in_four_bits_is_refused(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = quantization.importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: name == "bitsandbytes" or here(name)
    )
    assert problems(content) == []
    [line] = problems(content, lora=None)
    assert line.startswith("lora: is null, but weights in nf4 cannot be trained: set lora")
    [line] = problems(content, absorb={"documents": "all", "lora": {"r": 64}})
    assert line.startswith("absorb.lora: its result would be merged into weights in nf4")
    [line] = problems(content, sampling={**content["sampling"], "backend": "vllm"})
    assert line.startswith("sampling.backend: is vllm, which does not sample")
    [line] = problems(content, evaluation={"lm_eval": {"tasks": ["mine"]}})
    assert line.startswith("evaluation.lm_eval: loads models itself, and none in nf4")
    preference = {"quip": {}, "judge": {"model": content["model"]}}
    [line] = problems(content, preference=preference)
    assert line.startswith("preference.judge.sampling.backend: is vllm, which does not sample")
    preference["judge"]["sampling"] = {"backend": "transformers"}
    assert problems(content, preference=preference) == []
    launch = tmp_path / "launch.yaml"
    for kind, blocks in {
        "MULTI_GPU": {"dpo": {"fsdp": "full_shard"}},
        "FSDP": {"dpo": {}},
    }.items():
        launch.write_text(f"distributed_type: {kind}\n")
        [line] = problems(content, launch=str(launch), **blocks)
        assert line.startswith("model.quantization: is nf4, whose bytes FSDP does not shard: ")
    launch.write_text("distributed_type: MULTI_GPU\n")
    assert problems(content, launch=str(launch)) == []
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "bitsandbytes" else here(name)
    )
    assert problems(content) == [
        "model.quantization: nf4 needs bitsandbytes, which is not installed: install"
        " quotetune[nf4], or leave it out"
    ]


def test_what_is_stored_quantised_is_not_quantised_again_and_its_size_is_not_known(
    content: dict[str, Any], tmp_path: Path
) -> None:
    stored = tmp_path / "model"
    copytree(content["model"]["path"], stored)
    loaded(content["model"]["path"], "nf4").save_pretrained(stored)
    packed = {**content, "model": {"path": str(stored)}}
    assert problems(packed) == []
    reason = known_size(ModelConfig(path=str(stored)))
    assert reason == f"the weights of {stored} are stored quantised (bitsandbytes)"
    packed["model"]["quantization"] = "nf4"
    [line] = problems(packed)
    assert line.startswith("model.quantization: is nf4, but the weights of ")
    assert "(bitsandbytes), and transformers would keep them so: leave it out" in line


def test_sampling_with_vllm_from_a_base_in_four_bits_is_refused_and_not_done_otherwise(
    content: dict[str, Any], tmp_path: Path
) -> None:
    pytest.importorskip("vllm")
    for backend in ("vllm", "auto"):
        with pytest.raises(UsageError, match="vllm does not sample from a base model in nf4"):
            run_sampling(
                [],
                tmp_path,
                model=ModelConfig(**content["model"]),
                sampling=SamplingConfig(backend=backend),
                seed=0,
                round=1,
            )


def test_sampling_needs_less_memory_in_four_bits(content: dict[str, Any]) -> None:
    size = model_size(Path(content["model"]["path"]))
    assert size is not None
    plain = {**content, "model": {"path": content["model"]["path"]}}
    quantized, whole = (
        peaks(Config.model_validate(one), size, 10, 10, on_gpu=False)["sample"]
        for one in (content, plain)
    )
    layers = [out * into for out, into in size.linear_layers.values()]
    each = size.bytes / size.parameters
    saved = (each - 0.516) * sum(layers) - each * max(layers)
    assert whole - quantized == pytest.approx(saved, rel=1e-3)


def test_the_installed_vllm_has_no_such_base_models() -> None:
    pytest.importorskip("vllm")
    from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS

    assert "bitsandbytes" not in QUANTIZATION_METHODS, "vLLM can sample from NF4: allow it"


def loaded(path: str, kind: str | None) -> Any:
    from transformers import AutoModelForCausalLM

    model = ModelConfig(path=path, quantization=kind)
    settings = quantization.quantization_settings(model, "float32")
    return AutoModelForCausalLM.from_pretrained(path, dtype="float32", **settings).eval()


def test_the_estimate_counts_the_bytes_that_the_layers_have(content: dict[str, Any]) -> None:
    path = content["model"]["path"]
    size = model_size(Path(path))
    assert size is not None
    stored = 0
    for weight in loaded(path, "nf4").parameters():
        stored += weight.nbytes
        if (state := getattr(weight, "quant_state", None)) is not None:
            stored += state.absmax.nbytes + state.state2.absmax.nbytes
    training = Training(
        {}, {"r": 2}, "float32", 2, 10, on_gpu=False, fast_bf16=False, quantization="nf4"
    )
    largest = 4 * max(out * into for out, into in size.linear_layers.values())
    assert frozen_bytes(size, training) - largest == pytest.approx(stored, rel=0.02)


def test_an_adapter_is_trained_on_and_sampled_with_a_base_in_four_bits(
    content: dict[str, Any], tmp_path: Path
) -> None:
    from peft import PeftModel

    from quotetune.sampling.backend import Request
    from quotetune.sampling.transformers import TransformersSampler
    from quotetune.training.dpo_session import DpoSession

    model = {"path": content["model"]["path"], "quantization": "nf4"}
    pairs = write_pairs(tmp_path / "pairs.parquet", random_rows(10))
    options = {"max_steps": 3, "learning_rate": 0.05, "bf16": False, "save_steps": 10}
    job = {"method": "dpo", "model": model, "base": model, "adapter": None, "seed": 3}
    job |= {"lora": {"r": 2}, "dpo": options, "pairs": str(pairs)}
    job |= {"reference": "previous", "origin": None}
    session = DpoSession(job, tmp_path / "work", lambda _: None)
    base = session.trainer.model.get_base_model()
    kept = base.model.layers[0].mlp.up_proj.base_layer.weight
    before = kept.detach().clone()
    assert kept.dtype == torch.uint8
    # The log-probs of the reference model are computed by now, without gradients.
    ids = torch.tensor([[1, 40, 50, 60, 70]])
    found = gradients(session.trainer.model, ids)
    with dequantized(session.trainer.model) as plain:
        expected = gradients(plain, ids)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-3, rtol=1e-3)
    session.train(None)
    session.save(tmp_path / "adapter", {})
    assert torch.equal(kept, before)
    trained = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {weight.dtype for weight in trained.values()} == {torch.float32}
    # B starts at 0.
    assert all(weight.any() for name, weight in trained.items() if "lora_B" in name)

    settings = SamplingConfig(backend="transformers", n=1, temperature=0.0, max_tokens=12)
    prompt = [1, 40, 50, 60]
    sampler = TransformersSampler(ModelConfig(**model), settings, tmp_path / "adapter")
    [[response]] = sampler.sample([Request(prompt, 0)], lambda _: None)
    policies = {
        kind: PeftModel.from_pretrained(loaded(model["path"], kind), tmp_path / "adapter")
        for kind in ("nf4", None)
    }
    assert response.token_ids == greedy(policies["nf4"], prompt, len(response.token_ids))
    ids = torch.tensor([prompt])
    exact, rounded = (policies[kind](input_ids=ids).logits for kind in (None, "nf4"))
    assert not torch.allclose(exact, rounded, atol=1e-2)


def gradients(policy: Any, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the gradients of an adapter at a point where its matrices B are not 0."""
    policy.train()
    weights = {name: weight for name, weight in policy.named_parameters() if weight.requires_grad}
    for name, weight in weights.items():
        if "lora_B" in name:
            weight.data = torch.full_like(weight, 0.01, dtype=torch.float32)
        else:
            weight.data = weight.data.float()
    policy(input_ids=ids).logits.log_softmax(-1)[..., 7].sum().backward()
    found = {name: weight.grad.clone() for name, weight in weights.items()}
    for name, weight in weights.items():
        weight.grad = None
        if "lora_B" in name:
            weight.data.zero_()
    assert all(gradient.any() for gradient in found.values())
    return found


@contextmanager
def dequantized(policy: Any) -> Iterator[Any]:
    """Give a policy layers with the numbers that NF4 stands for, and its own ones again."""
    from bitsandbytes.functional import dequantize_4bit

    kept = {layer: layer.base_layer for layer in policy.modules() if hasattr(layer, "base_layer")}
    for layer, four_bit in kept.items():
        plain = torch.nn.Linear(four_bit.in_features, four_bit.out_features, bias=False)
        numbers = dequantize_4bit(four_bit.weight.data, four_bit.weight.quant_state)
        plain.weight = torch.nn.Parameter(numbers.float(), requires_grad=False)
        layer.base_layer = plain
    yield policy
    for layer, four_bit in kept.items():
        layer.base_layer = four_bit


def greedy(model: Any, prompt: list[int], count: int) -> list[int]:
    """Greedy decoding by the definition."""
    ids = list(prompt)
    for _ in range(count):
        ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]
