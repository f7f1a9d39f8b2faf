"""Thoughts and answers are cut as if each had been drawn with its own bound."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.config.block import ReasoningConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.parts import (
    answer_of,
    answers,
    has_answer,
    read_samples,
    schema,
    token_length,
)
from tiny_model import tiny_tokenizer

# A random model often writes single characters, so they are its marks.
THOUGHTS, ANSWER = 12, 9
REASONING = ReasoningConfig(start="<", end=">", max_tokens=THOUGHTS)
# The second prompt opens the thoughts, as some chat templates do.
PROMPTS = [Prompt("plain", text="What?"), Prompt("opened", text="What? <")]


def sample(model: Path, output: Path, backend: str, reasoning: Any, max_tokens: int) -> Any:
    run_sampling(
        PROMPTS,
        output,
        model=ModelConfig(path=str(model), reasoning=reasoning),
        sampling=SamplingConfig(backend=backend, n=64, max_tokens=max_tokens, top_p=1.0),
        seed=3,
        round=1,
    )
    return read_samples(output)


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_a_response_is_cut_at_the_bound_of_its_part(
    model: Path, tmp_path: Path, backend: str
) -> None:
    tokenizer = tiny_tokenizer()
    end = tokenizer.eos_token_id
    whole = sample(model, tmp_path / "whole", backend, None, THOUGHTS + ANSWER).to_pylist()
    table = sample(model, tmp_path / "cut", backend, REASONING, ANSWER)
    assert table.schema.equals(schema(thinks=True))
    seen: Counter[str] = Counter()
    for drawn, row in zip(whole, table.to_pylist(), strict=True):
        ids = drawn["token_ids"]
        text = tokenizer.decode(ids, skip_special_tokens=True)
        if {tokenizer.bos_token_id, tokenizer.pad_token_id} & set(ids):
            continue
        # Every other token of this model is one character, or the end.
        last = text.rfind(">")
        opened = row["prompt_id"] == "opened"
        unended = "<" in text[last + 1 :] or (last < 0 and opened)
        start = 0 if last < 0 else len(text) - len(text[last + 1 :].lstrip())
        if unended or start > THOUGHTS:
            expected = ids[:THOUGHTS]
            seen["no answer"] += 1
            assert not has_answer(row)
            assert answer_of(row) == ""
            assert token_length(row) == 0
        else:
            expected = ids[: start + ANSWER]
            seen["thought" if start else "plain"] += 1
            assert (row["answer_char"], row["answer_token"]) == (start, start)
            shown = tokenizer.decode(expected[start:], skip_special_tokens=True)
            assert answer_of(row) == shown
            assert token_length(row) == len(shown)
        assert row["token_ids"] == expected
        assert row["response"] == tokenizer.decode(expected, skip_special_tokens=True)
        assert row["finish_reason"] == ("stop" if expected[-1:] == [end] else "length")
    assert min(seen["no answer"], seen["thought"], seen["plain"]) > 2
    texts = [row["response"] for row in answers(table, ["response"])]
    assert texts == [answer_of(row) for row in table.to_pylist()]
