"""The promises of `run_sampling`, with real engines on a tiny random model."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import Progress, run_sampling
from quotetune.sampling.parts import part_path, read_samples, schema
from tiny_model import save_tiny_adapter, tiny_tokenizer

N, MAX_TOKENS, CHUNK = 4, 48, 2
PROMPTS = [
    Prompt(name, text)
    for name, text in [("a", "What?"), ("b", "A longer prompt than the others, by far."), ("c", "")]
] + [
    SimpleNamespace(
        id="chat", text=None, messages=[{"role": "user", "content": "Why is that so?"}]
    ),
    Prompt("e", "What?"),
]
BACKENDS = ["vllm", "transformers"]


@pytest.fixture(scope="module")
def adapter(model, tmp_path_factory) -> Path:
    return save_tiny_adapter(model, tmp_path_factory.mktemp("adapter") / "lora")


def sample(model: Path, output: Path, backend: str, *, adapter: Path | None = None, **settings):
    """Sample PROMPTS; return the samples and the progress that was reported."""
    settings = {"n": N, "max_tokens": MAX_TOKENS, "chunk_prompts": CHUNK, "top_p": 1.0, **settings}
    reports: list[Progress] = []
    run_sampling(
        PROMPTS,
        output,
        model=ModelConfig(path=str(model)),
        sampling=SamplingConfig(backend=backend, **settings),
        adapter=adapter,
        seed=7,
        round=1,
        progress=reports.append,
    )
    return read_samples(output), reports


@pytest.fixture(scope="module", params=BACKENDS)
def sampled(request, model, tmp_path_factory) -> Any:
    """One whole run of each backend, which several tests look at."""
    output = tmp_path_factory.mktemp("sampled") / request.param
    samples, reports = sample(model, output, request.param)
    return SimpleNamespace(
        backend=request.param, output=output, samples=samples, reports=reports, model=model
    )


def rows(samples: Any) -> list[dict[str, Any]]:
    return samples.to_pylist()


def test_every_prompt_has_n_samples_in_the_order_of_the_prompts(sampled):
    assert sampled.samples.schema.equals(schema())
    assert [(row["prompt_id"], row["sample"]) for row in rows(sampled.samples)] == [
        (prompt.id, sample) for prompt in PROMPTS for sample in range(N)
    ]


def test_a_part_holds_chunk_prompts_prompts(sampled):
    parts = [pq.read_table(part_path(sampled.output, part)) for part in range(3)]
    assert [part.num_rows for part in parts] == [CHUNK * N, CHUNK * N, N]
    assert not part_path(sampled.output, 3).exists()
    assert sampled.reports[0] == Progress(parts=3, done=0, tokens=0, seconds=0.0)
    last = sampled.reports[-1]
    assert (last.done, last.tokens) == (
        3,
        sum(len(row["token_ids"]) for row in rows(sampled.samples)),
    )
    assert last.tokens_per_second > 0
    notes = list(dict.fromkeys(report.note for report in sampled.reports))
    assert notes[:2] == ["loading the model", "generating"]
    assert all(note.endswith(" tokens/s") for note in notes[2:]) and len(notes) > 2
    assert Progress(parts=3, done=3, tokens=0, seconds=0.0).note == ""  # nothing to do


def test_tokens_end_with_the_end_token_exactly_if_the_model_stopped(sampled):
    end = tiny_tokenizer().eos_token_id
    reasons = set()
    for row in rows(sampled.samples):
        reasons.add(row["finish_reason"])
        if row["finish_reason"] == "stop":
            assert row["token_ids"].index(end) == len(row["token_ids"]) - 1
        else:
            assert row["finish_reason"] == "length"
            assert end not in row["token_ids"]
            assert len(row["token_ids"]) == MAX_TOKENS
    assert reasons == {"stop", "length"}


def test_the_response_is_the_text_of_its_tokens(sampled):
    tokenizer = tiny_tokenizer()
    for row in rows(sampled.samples):
        assert row["response"] == tokenizer.decode(row["token_ids"], skip_special_tokens=True)


def test_the_model_sees_the_prompt_with_one_begin_token(sampled):
    tokenizer = tiny_tokenizer()
    seen = {
        row["prompt_id"]: tokenizer.decode(row["prompt_token_ids"]) for row in rows(sampled.samples)
    }
    assert seen["a"] == "<|begin|>What?"
    assert seen["c"] == "<|begin|>"
    assert seen["chat"] == "<|begin|>[user] Why is that so?\n[assistant] "


def test_samples_have_consecutive_seeds_and_differ(sampled):
    by_prompt: dict[str, list[dict[str, Any]]] = {}
    for row in rows(sampled.samples):
        by_prompt.setdefault(row["prompt_id"], []).append(row)
    for drawn in by_prompt.values():
        assert [row["seed"] - drawn[0]["seed"] for row in drawn] == list(range(N))
        assert len({row["response"] for row in drawn}) == N
    # "a" and "e" are the same text under two ids.
    assert by_prompt["a"][0]["prompt_token_ids"] == by_prompt["e"][0]["prompt_token_ids"]
    assert {row["response"] for row in by_prompt["a"]}.isdisjoint(
        row["response"] for row in by_prompt["e"]
    )


def test_resuming_makes_just_the_missing_parts_and_the_same_ones(sampled, monkeypatch):
    # Part 1 is now the first of its process. Before, part 0 came first.
    before = part_path(sampled.output, 0).stat().st_mtime_ns
    part_path(sampled.output, 1).unlink()
    # Left by an earlier version that was killed while it wrote them.
    for name in ("part-00001.tmp", "job.tmp"):
        (sampled.output / name).write_bytes(b"half")
    again, reports = sample(sampled.model, sampled.output, sampled.backend)
    assert again.equals(sampled.samples)
    assert part_path(sampled.output, 0).stat().st_mtime_ns == before
    assert reports[0].done == 2
    # Nothing is missing now: no child is started.
    monkeypatch.setattr(sys, "executable", "/no/child/may/start")
    again, reports = sample(sampled.model, sampled.output, sampled.backend)
    assert again.equals(sampled.samples)
    assert [report.done for report in reports] == [3]


GREEDY = {"n": 1, "temperature": 0, "chunk_prompts": 8}


@pytest.mark.usefixtures("without_children")
@pytest.mark.parametrize("backend", BACKENDS)
def test_greedy_decoding_is_that_of_the_plain_model(backend, model, tmp_path):
    samples, _ = sample(model, tmp_path, backend, **GREEDY)
    assert samples["token_ids"] == greedy_oracle(model, None)


@pytest.mark.usefixtures("without_children")
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_adapter_is_sampled_as_peft_applies_it(backend, model, adapter, tmp_path):
    samples, _ = sample(model, tmp_path, backend, adapter=adapter, **GREEDY)
    assert samples["token_ids"] == greedy_oracle(model, adapter)
    assert greedy_oracle(model, adapter) != greedy_oracle(model, None)


def greedy_oracle(model: Path, adapter: Path | None) -> Any:
    """Greedy decoding by the definition: one prompt at a time, no cache."""
    import pyarrow as pa
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from quotetune.prompts.chat import prompt_token_ids

    tokenizer = tiny_tokenizer()
    network = AutoModelForCausalLM.from_pretrained(model, dtype="float32")
    if adapter:
        network = PeftModel.from_pretrained(network, adapter)
    answers = []
    for prompt in PROMPTS:
        ids = prompt_token_ids(prompt, tokenizer)
        answer: list[int] = []
        while len(answer) < MAX_TOKENS and tokenizer.eos_token_id not in answer:
            with torch.inference_mode():
                logits = network(torch.tensor([ids + answer])).logits
            answer.append(int(logits[0, -1].argmax()))
        answers.append(answer)
    return pa.chunked_array([answers], pa.list_(pa.int32()))
