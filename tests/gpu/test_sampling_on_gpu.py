"""Sampling with vLLM on a GPU: its settings, seeds, parts handed in ahead, adapters, the guide."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

import naive_quotes
from guided_samples import guided_samples
from naive_index import NaiveIndex
from quotetune import Index, build_index
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.backend import Request
from quotetune.sampling.guided import GuideSource
from quotetune.sampling.vllm import VllmSampler
from tiny_model import save_tiny_adapter, tiny_tokenizer

pytestmark = pytest.mark.gpu

N, LENGTH = 4, 24
PROMPTS = [Prompt(name, text=f"What is {name}?") for name in "abcdef"]
TEXTS = [
    "Snow falls on the hill, and the hill is white.",
    "Ice melts in the sun. It is the sun that melts it, and not the wind.",
]


@pytest.fixture(autouse=True)
def small_share(device: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Engine settings with which two engines fit beside each other."""
    return {} if device == "cpu" else {"gpu_memory_utilization": 0.3}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("guided") / "index"
    build_index([{"id": str(i), "text": text} for i, text in enumerate(TEXTS)], path, n=5)
    return path


def samples(
    model: Path, output: Path, share: Any, source: GuideSource | None = None, **settings: Any
) -> list[dict[str, Any]]:
    """Sample in a process of its own, as a run does."""
    few = {"backend": "vllm", "n": N, "max_tokens": LENGTH, "chunk_prompts": 2, "engine": share}
    rows: list[dict[str, Any]] = guided_samples(
        PROMPTS, model, output, source, **few | settings
    ).to_pylist()
    return rows


def greedy(model: Path, prompt: list[int], adapter: Path | None = None) -> list[int]:
    """Greedy decoding by the definition, on the CPU: one token at a time, no cache."""
    policy = AutoModelForCausalLM.from_pretrained(model, dtype="float32")
    if adapter is not None:
        from peft import PeftModel

        policy = PeftModel.from_pretrained(policy, adapter)
    response: list[int] = []
    while len(response) < LENGTH and tiny_tokenizer().eos_token_id not in response:
        with torch.inference_mode():
            logits = policy(input_ids=torch.tensor([prompt + response])).logits
        response.append(int(logits[0, -1].argmax()))
    return response


@pytest.mark.parametrize("adapted", [False, True], ids=["base", "adapter"])
def test_greedy_decoding_is_that_of_the_plain_model(
    model: Path, tmp_path: Path, small_share: Any, adapted: bool
) -> None:
    from quotetune.sampling import run_sampling
    from quotetune.sampling.parts import read_samples

    adapter = save_tiny_adapter(model, tmp_path / "adapter") if adapted else None
    run_sampling(
        PROMPTS,
        tmp_path / "samples",
        model=ModelConfig(path=str(model), dtype="float32"),
        sampling=SamplingConfig(
            backend="vllm", n=1, temperature=0.0, max_tokens=LENGTH, engine=small_share
        ),
        adapter=adapter,
        seed=5,
        round=1,
    )
    for row in read_samples(tmp_path / "samples").to_pylist():
        assert row["token_ids"] == greedy(model, row["prompt_token_ids"], adapter)


def test_seeds_are_per_request_and_draw_the_same_responses_again(
    model: Path, tmp_path: Path, small_share: Any
) -> None:
    first, again = (samples(model, tmp_path / name, small_share) for name in ("one", "two"))
    assert [row["seed"] - first[4 * (i // 4)]["seed"] for i, row in enumerate(first)] == [
        i % N for i in range(len(first))
    ]
    assert len({row["response"] for row in first}) > len(first) / 2
    same = [one["token_ids"] == two["token_ids"] for one, two in zip(first, again, strict=True)]
    # Other batches round otherwise on a GPU, which rarely changes a token.
    assert np.mean(same) >= 0.8


def test_without_seeds_one_stream_is_drawn(model: Path, tmp_path: Path, small_share: Any) -> None:
    rows = samples(model, tmp_path, small_share, seeded=False)
    assert {row["seed"] for row in rows} == {None}
    assert len({row["response"] for row in rows}) > len(rows) / 2


@pytest.mark.parametrize("newer", [False, True], ids=["older runner", "newer runner"])
def test_the_guide_steers_both_runners_of_the_gpu(
    device: str,
    model: Path,
    index: Path,
    tmp_path: Path,
    small_share: Any,
    monkeypatch: pytest.MonkeyPatch,
    newer: bool,
) -> None:
    if device == "cuda":  # a CPU has one runner
        monkeypatch.setenv("VLLM_USE_V2_MODEL_RUNNER", str(int(newer)))
    source = GuideSource(index)
    strengths = {"strength": [0, 90], "min_chars": 1, "max_chars": 8, "candidates": 90}
    rows = samples(model, tmp_path / "strong", small_share, source, guide=strengths)
    quip = Index.open(index).quip
    plain, guided = (
        np.nanmean(quip([row["response"] for row in rows if row["guide_strength"] == strength]))
        for strength in (0, 90)
    )
    assert guided > plain + 0.1
    # A response that is one quote: the rule masks what would break it.
    whole = {"mode": "verbatim", "marks": ""}
    rows = samples(model, tmp_path / "whole", small_share, source, guide=whole, max_tokens=80)
    naive = NaiveIndex([], 5, "squash")
    naive.documents = [naive.normalized(text)[0] for text in TEXTS]
    assert all(naive_quotes.stands(row["response"], naive, 5) for row in rows)
    assert {row["finish_reason"] for row in rows} == {"stop"}


def test_the_next_part_is_handed_in_ahead_by_an_engine_with_graphs_in_its_own_process(
    device: str, model: Path, small_share: Any
) -> None:
    tokenizer = tiny_tokenizer()
    requests = [Request(tokenizer(prompt.text)["input_ids"], 0) for prompt in PROMPTS]
    sampler: Any = VllmSampler(
        ModelConfig(path=str(model), dtype="float32"),
        SamplingConfig(backend="vllm", n=1, temperature=0.0, max_tokens=LENGTH, engine=small_share),
        None,
        config=AutoConfig.from_pretrained(model),
        longest_prompt=max(len(request.prompt_token_ids) for request in requests),
        tokenizer=tokenizer,
    )
    on_gpu = device == "cuda"
    config = sampler._llm.llm_engine.vllm_config
    assert config.model_config.enforce_eager is not on_gpu
    assert not on_gpu or config.cache_config.enable_prefix_caching
    in_own_process = type(sampler._llm.llm_engine.engine_core).__name__ != "InprocClient"
    assert in_own_process is on_gpu
    parts = [requests[:3], requests[3:]]
    drawn = sampler.sample(parts[0], lambda _: None, lambda: parts[1])
    assert len(sampler._handed_in) == (3 if on_gpu else 0)
    drawn += sampler.sample(parts[1], lambda _: None)
    assert [one.token_ids for [one] in drawn] == [
        greedy(model, request.prompt_token_ids) for request in requests
    ]
    del sampler
    gc.collect()
