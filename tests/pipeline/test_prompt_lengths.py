"""How long prompts are taken to be before their passages are looked up."""

from pathlib import Path
from typing import Any

import pytest

from quotetune.config.prompts import PromptsConfig
from quotetune.pipeline.prompt_lengths import mean_and_longest
from quotetune.prompts.prompt import Prompt


def settings(**changes: Any) -> PromptsConfig:
    return PromptsConfig.model_validate({"path": Path("prompts.jsonl"), **changes})


def test_system_message_and_question_count() -> None:
    messages = [{"role": "system", "content": "s" * 8}, {"role": "user", "content": "q" * 12}]
    prompts = [Prompt("a", messages=messages), Prompt("b", text="x" * 41)]
    assert mean_and_longest(prompts, settings()) == (8, 11)  # (20 + 41) / 2 and 41 characters


@pytest.mark.parametrize(
    ("given", "limits", "characters"),
    [
        ("y" * 100, {}, 100),
        (["y" * 100, "z" * 60, "w" * 30], {"passages": 2}, 160),
        (["  ", "y" * 100], {"passages": 1}, 100),
        (["y" * 100, "z" * 60], {"passages": 2, "max_chars": 80}, 140),
        (["One is here. Two is there."], {"passages": 1, "max_chars": 20}, 12),
    ],
)
def test_given_passages_count_as_long_as_they_are(
    given: Any, limits: dict[str, Any], characters: int
) -> None:
    prompt = Prompt("a", text="q" * 40, extra={"context": given})
    context = {"source": "given", **limits}
    expected = -(-(40 + characters) // 4)
    assert mean_and_longest([prompt], settings(context=context)) == (expected, expected)


@pytest.mark.parametrize("source", ["documents", "bm25"])
@pytest.mark.parametrize(("limit", "each"), [(None, 1500), (200, 200)])
def test_passages_of_the_corpus_are_assumed(source: str, limit: int | None, each: int) -> None:
    context = {"source": source, "passages": 3, "max_chars": limit}
    # A given context is not what the model sees then.
    prompt = Prompt("a", text="q" * 40, extra={"context": "y" * 9000})
    assert mean_and_longest([prompt], settings(context=context)) == ((40 + 3 * each) // 4,) * 2


def test_a_prefix_has_its_tokens_and_the_passages_before_it() -> None:
    cut = settings(format="text", prefix_tokens=7)
    assert mean_and_longest([Prompt("a", text="x" * 400)], cut) == (7, 7)
    both = settings(
        format="text", prefix_tokens=7, context={"source": "bm25", "passages": 1, "max_chars": 80}
    )
    assert mean_and_longest([Prompt("a", text="x" * 400)], both) == (27, 27)
