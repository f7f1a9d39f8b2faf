"""Thoughts and answers are cut as if each had been drawn with its own bound."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken

from byte_tokenizers import byte_level, sentence_piece
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.config.block import ReasoningConfig
from quotetune.models.reasoning import Answer
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.backend import Response
from quotetune.sampling.parts import (
    answer_of,
    answers,
    has_answer,
    read_samples,
    schema,
    token_length,
)
from quotetune.sampling.thoughts import Thoughts
from tiny_model import tiny_tokenizer

# A random model often writes single characters, so they are its marks.
THOUGHTS, ANSWER = 12, 9
REASONING = ReasoningConfig(start="<", end=">", max_tokens=THOUGHTS)
# The second prompt opens the thoughts, as some chat templates do.
PROMPTS = [Prompt("plain", text="What?"), Prompt("opened", text="What? <")]


def naive_bounds(
    text: str, opened: bool, start: str, end: str, thoughts: int, answer: int
) -> tuple[str, bool, int | None]:
    """Draw a text again, character by character, until a part is full.

    Returns:
        What was drawn, whether it ends within thoughts, and the bound that it reaches.
    """
    marks = [(text.find(mark), mark) for mark in (start, end) if mark in text]
    inside = opened or (bool(marks) and min(marks)[1] == end)
    limit = thoughts if inside else answer
    for length in range(len(text) + 1):
        drawn = text[:length]
        if drawn.endswith(start):
            inside, limit = True, max(thoughts, length)
        elif drawn.endswith(end):
            inside, limit = False, length + answer
        if length == limit:
            return drawn, inside, limit
    return text, inside, None


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


@pytest.mark.usefixtures("without_children")
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
        opened = row["prompt_id"] == "opened"
        kept, inside, limit = naive_bounds(text, opened, "<", ">", THOUGHTS, ANSWER)
        expected = ids if limit is None else ids[:limit]
        start = len(kept) - len(kept[kept.rfind(">") + 1 :].lstrip()) if ">" in kept else 0
        if inside:
            seen["no answer"] += 1
            assert not has_answer(row)
            assert answer_of(row) == ""
            assert token_length(row) == 0
        else:
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


PIECES = st.lists(st.sampled_from(["<think>", "</think>", "ice", " ", "\n", "<", "k>", "a"]))


def bounded(
    text: str, *, special: bool = False, stop: Sequence[str] = (), opened: bool = False, **most: int
) -> tuple[Response, Any]:
    """Bound a response whose tokens are characters, but for special marks."""
    tokenizer = tiny_tokenizer()
    if special:
        tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    model = ModelConfig(path="m", reasoning=ReasoningConfig(max_tokens=most.get("thoughts", 1000)))
    sampling = SamplingConfig(max_tokens=most.get("answer", 1000), stop=list(stop))
    prompt = tokenizer("Why?" + "<think>" * opened)["input_ids"]
    drawn = Response(tokenizer.decode(ids, skip_special_tokens=True), ids, "stop")
    return Thoughts(model, sampling, tokenizer).bounded(drawn, prompt), tokenizer


@given(
    text=PIECES.map("".join),
    opened=st.booleans(),
    thoughts=st.integers(1, 30),
    answer=st.integers(1, 30),
)
def test_marks_that_recur_have_the_bounds_of_their_parts(
    text: str, opened: bool, thoughts: int, answer: int
) -> None:
    found, _ = bounded(text, opened=opened, thoughts=thoughts, answer=answer)
    kept, inside, _ = naive_bounds(text, opened, "<think>", "</think>", thoughts, answer)
    assert found.text == kept
    assert len(found.token_ids) == len(kept)
    assert (found.answer is None) is inside
    assert found.finish_reason == ("stop" if kept == text else "length")


def test_white_space_after_the_end_mark_is_no_thought() -> None:
    found, _ = bounded("ab</think>\n\nIce.", opened=True, thoughts=10)
    assert found.answer == Answer(12, 12)
    found, _ = bounded("abc</think>\n\nIce.", opened=True, thoughts=10)
    assert found.answer is None
    assert found.text == "abc</think"


@pytest.mark.parametrize("special", [False, True])
def test_a_stop_string_ends_an_answer_and_no_thoughts(special: bool) -> None:
    text = "<think>a\n\nb</think>\n\nIce.\n\nMore.</think>"
    found, tokenizer = bounded(text, special=special, stop=["\n\n"])
    assert found.answer is not None
    assert found.text[found.answer.char :] == "Ice."
    shown = tokenizer.decode(found.token_ids[found.answer.token :], skip_special_tokens=True)
    assert shown == "Ice.\n\n"
    assert found.finish_reason == "stop"


@pytest.mark.parametrize("opened", [False, True])
def test_a_response_in_thoughts_is_not_stopped(opened: bool) -> None:
    found, _ = bounded("<think>" * (not opened) + "a\n\nb", opened=opened, stop=["\n\n"])
    assert found.answer is None
    assert found.text.endswith("a\n\nb")


def test_an_end_mark_that_is_spelled_out_ends_no_thoughts_before_a_special_one() -> None:
    tokenizer = tiny_tokenizer()
    spelled = tokenizer("</think>", add_special_tokens=False)["input_ids"]
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    start, end = tokenizer.convert_tokens_to_ids(["<think>", "</think>"])
    ids = [start, *spelled, *tokenizer("x", add_special_tokens=False)["input_ids"], end]
    ids += tokenizer("Ice.", add_special_tokens=False)["input_ids"]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    assert text == "</think>xIce."
    model = ModelConfig(path="m", reasoning=ReasoningConfig())
    thoughts = Thoughts(model, SamplingConfig(), tokenizer)
    found = thoughts.bounded(Response(text, ids, "stop"), tokenizer("Why?")["input_ids"])
    assert found.answer == Answer(9, 11)


@pytest.mark.parametrize("kind", [byte_level, sentence_piece])
@pytest.mark.parametrize("special", [False, True])
@given(
    thought=st.text("ab日é🙂 ", max_size=6),
    answer=st.text("abn日é🙂。", min_size=1, max_size=6),
    after=st.sampled_from(["", "。", "🙂🙂", "\n\n"]),
)
def test_tokens_that_are_parts_of_characters_are_split_with_the_text(
    kind: Any, special: bool, thought: str, answer: str, after: str
) -> None:
    tokenizer = kind()
    marks = ["<think>", "</think>"]
    added = [AddedToken(mark, special=special, normalized=False) for mark in marks]
    tokenizer.add_tokens(added, special_tokens=special)
    given = f"<think>{thought}</think>{answer}{after}b"
    ids = tokenizer(given, add_special_tokens=False)["input_ids"]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    model = ModelConfig(path="m", reasoning=ReasoningConfig())
    sampling = SamplingConfig(stop=[after] if after else [])
    thoughts = Thoughts(model, sampling, tokenizer)
    found = thoughts.bounded(Response(text, ids, "length"), ids[:0])
    said, stop, _ = (answer + after + "b").partition(after or "never")
    assert found.answer is not None
    assert found.text[found.answer.char :] == said
    rest = tokenizer.decode(found.token_ids[found.answer.token :], skip_special_tokens=True)
    assert rest == said + stop
