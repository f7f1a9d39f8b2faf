"""vLLM's settings by device, and the handing in of the next part's requests."""

import gc
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from quotetune.config import EvaluationConfig, ModelConfig, SamplingConfig
from quotetune.config.evaluation import evaluation_sampling
from quotetune.errors import QuotetuneError
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.backend import Request
from quotetune.sampling.engine_settings import engine_environment, engine_settings
from quotetune.sampling.parts import read_samples
from quotetune.sampling.vllm import VllmSampler
from tiny_model import tiny_tokenizer


@pytest.fixture(autouse=True)
def _collects_engines() -> Iterator[None]:
    yield
    gc.collect()


TEXTS = ["What is ice?", "Why?", "Tell me of the sea.", "And the moon"]
GREEDY = {"n": 1, "temperature": 0.0, "max_tokens": 24, "chunk_prompts": 2}


def test_a_gpu_gets_graphs_prefix_caching_and_a_process_for_the_engine(model: Path) -> None:
    from vllm.engine.arg_utils import EngineArgs

    config = AutoConfig.from_pretrained(model)
    known = {field.name for field in fields(EngineArgs)}
    by_device = {
        on_cpu: engine_settings(SamplingConfig(), config, "float32", 128, on_cpu=on_cpu)
        for on_cpu in (True, False)
    }
    for settings in by_device.values():
        assert settings.keys() <= known
    # This is the engine's own reading of the settings, but for the device.
    engine = EngineArgs(model=str(model), max_model_len=128, **by_device[False])
    made = engine.create_engine_config()
    assert made.cache_config.enable_prefix_caching is True
    assert made.model_config.enforce_eager is False
    assert by_device[True]["enforce_eager"] is True
    assert engine_environment(on_cpu=True) == {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    assert engine_environment(on_cpu=False) == {"VLLM_ENABLE_V1_MULTIPROCESSING": "1"}


@pytest.fixture(scope="module")
def parts() -> list[list[Request]]:
    tokenizer = tiny_tokenizer()
    requests = [Request(tokenizer(text)["input_ids"], seed) for seed, text in enumerate(TEXTS)]
    return [requests[:2], requests[2:]]


def sampler(model: Path, parts: list[list[Request]], *, ahead: bool, **settings: Any) -> Any:
    config = AutoConfig.from_pretrained(model)
    longest = max(len(one.prompt_token_ids) for part in parts for one in part)
    return VllmSampler(
        ModelConfig(path=str(model)),
        SamplingConfig(backend="vllm", **{**GREEDY, **settings}),
        None,
        config=config,
        longest_prompt=longest,
        tokenizer=tiny_tokenizer(),
        ahead=ahead,
    )


def test_the_next_part_starts_while_a_part_ends_and_each_gets_its_own_responses(
    model: Path, parts: list[list[Request]]
) -> None:
    alone = sampler(model, parts, ahead=False)
    tokens: list[int] = []
    expected = [alone.sample(part, tokens.append) for part in parts]
    assert not alone._llm.llm_engine.has_unfinished_requests()
    del alone
    gc.collect()  # an engine that is collected later takes the next one's groups away
    ahead = sampler(model, parts, ahead=True)
    counted: list[int] = []
    first = ahead.sample(parts[0], counted.append, lambda: parts[1])
    # The engine is at work on the second part already, or has done it.
    assert len(ahead._handed_in) == len(parts[1])
    assert ahead._llm.llm_engine.has_unfinished_requests() or set(ahead._handed_in) <= set(
        ahead._finished
    )
    second = ahead.sample(parts[1], counted.append)
    assert not ahead._llm.llm_engine.has_unfinished_requests() and not ahead._finished
    assert [first, second] == expected
    assert sum(counted) == sum(tokens)


def test_a_part_is_not_drawn_from_prefixes_of_another_that_are_still_in_use(
    model: Path, parts: list[list[Request]]
) -> None:
    engine = sampler(model, parts, ahead=False)
    engine._hand_in(parts[0])
    engine._llm.llm_engine.step()
    with pytest.raises(QuotetuneError, match=r"set sampling\.engine\.enable_prefix_caching"):
        engine.sample(parts[1], lambda _: None)


def test_without_a_cache_of_prefixes_there_is_nothing_to_empty(
    model: Path, parts: list[list[Request]]
) -> None:
    engine = sampler(model, parts, ahead=False, engine={"enable_prefix_caching": False})
    engine._hand_in(parts[0])
    engine._llm.llm_engine.step()
    assert len(engine.sample(parts[1], lambda _: None)) == 2


def test_settings_with_seeds_are_dumped_as_before_and_the_evaluation_keeps_them() -> None:
    assert "seeded" not in SamplingConfig().model_dump()
    fast = SamplingConfig(seeded=False)
    assert fast.model_dump()["seeded"] is False
    assert SamplingConfig(**fast.model_dump()) == fast
    assert evaluation_sampling(fast, EvaluationConfig()).seeded
    own = EvaluationConfig(sampling={"seeded": False})
    assert not evaluation_sampling(SamplingConfig(), own).seeded


@pytest.mark.usefixtures("without_children")
@pytest.mark.parametrize(("backend", "has_seeds"), [("vllm", False), ("transformers", True)])
def test_samples_of_one_stream_have_no_seeds(
    model: Path, tmp_path: Path, backend: str, has_seeds: bool
) -> None:
    run_sampling(
        [Prompt(text, text) for text in TEXTS],
        tmp_path,
        model=ModelConfig(path=str(model)),
        sampling=SamplingConfig(backend=backend, n=4, max_tokens=24, chunk_prompts=2, seeded=False),
        seed=7,
        round=1,
    )
    samples = read_samples(tmp_path)
    assert samples.num_rows == 16
    assert [seed is not None for seed in samples["seed"].to_pylist()] == [has_seeds] * 16
    # Two may both end at once.
    assert len(set(samples["response"].to_pylist())) > 12
