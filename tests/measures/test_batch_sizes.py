"""Batches follow the memory of the device, and change no number but by rounding."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.measures import token_batches
from quotetune.measures.neural_worker import token_log_probs
from quotetune.measures.token_batches import tokens_per_batch
from quotetune.runtime.device_memory import device_memory, fitting
from quotetune.sampling import transformers as sampling
from quotetune.sampling.backend import Request
from quotetune.sampling.transformers import TransformersSampler
from tiny_model import tiny_tokenizer


def test_half_of_this_machine_s_memory_is_for_a_model_on_the_cpu() -> None:
    [line] = [line for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line]
    assert device_memory(torch.device("cpu")) == pytest.approx(
        int(line.split()[1]) * 1024 / 2, rel=0.05
    )


def test_what_fits_is_what_the_weights_leave() -> None:
    model = torch.nn.Linear(1000, 1000, bias=False)  # 4 MB
    assert fitting(104e6, model, 1e6, least=1, most=1000) == 60
    assert fitting(104e6, model, 1e6, least=1, most=50) == 50
    assert fitting(1e6, model, 1e6, least=7, most=50) == 7


def test_little_memory_makes_small_batches_of_the_same_numbers(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = AutoModelForCausalLM.from_pretrained(model).eval()
    assert tokens_per_batch(loaded) == 2048
    rows = [([1, 40 + number], [50, 51 + number] * 60) for number in range(30)]
    seen: list[int] = []
    loaded.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["input_ids"].numel()), with_kwargs=True
    )
    with torch.inference_mode():
        expected = token_log_probs(loaded, rows)
        assert max(seen) > 1000
        seen.clear()
        monkeypatch.setattr(token_batches, "device_memory", lambda _: 0.0)
        found = token_log_probs(loaded, rows)
    assert max(seen) <= 256
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_rows_are_drawn_in_as_many_batches_as_the_memory_needs(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SamplingConfig(backend="transformers", n=1, temperature=0.0, max_tokens=8)
    sampler = TransformersSampler(ModelConfig(path=str(model)), settings, None)
    ids = tiny_tokenizer()("What?")["input_ids"]
    requests = [Request([*ids, 20 + number], number) for number in range(6)]
    sizes: list[int] = []
    generate = sampler._generate
    monkeypatch.setattr(
        sampler, "_generate", lambda rows: (sizes.append(len(rows)), generate(rows))[1]
    )
    expected = sampler.sample(requests, lambda _: None)
    assert sizes == [6]
    weights = sum(weight.nbytes for weight in sampler._model.parameters())
    length = len(ids) + 1 + 8
    # By hand: keys and values of two layers with one head of 32, and six copies of the logits.
    each = length * 2 * 2 * 32 * 4 + 6 * 4 * sampler._model.config.vocab_size
    monkeypatch.setattr(sampling, "device_memory", lambda _: weights + 4.5 * each / 0.6)
    assert sampler.sample(requests, lambda _: None) == expected
    assert sizes == [6, 4, 2]
