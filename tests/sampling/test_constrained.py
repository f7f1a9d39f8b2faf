"""Constrained responses are those of a naive decoder that knows the strings, with both backends."""

from pathlib import Path
from typing import Any

import pytest
import torch

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.constraint import Constraint, token_trie
from quotetune.sampling.parts import read_samples
from tiny_model import tiny_tokenizer

VALID = ["fox", "foxes", "ice 2", 'the "X" \\ y', "bee", "f"]
CONSTRAINT = Constraint(" [", VALID, "]", 2)
PROMPTS = [Prompt(f"p{i}", text="So what is it? "[: 3 + i]) for i in range(7)]

pytestmark = pytest.mark.usefixtures("without_children")


@pytest.fixture
def without_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no constraint be few enough for a grammar."""
    monkeypatch.setattr("quotetune.sampling.constraint.GRAMMAR_CHOICES", 0)


def sample(model: Path, output: Path, constraint: Constraint, **settings: Any) -> list[dict]:
    given = {"n": 1, "temperature": 0, "max_tokens": constraint.max_tokens, **settings}
    run_sampling(
        PROMPTS,
        output,
        model=ModelConfig(path=str(model)),
        sampling=SamplingConfig(**given),
        seed=0,
        round=0,
        constraint=constraint,
    )
    return read_samples(output).to_pylist()


def naive_texts(constraint: Constraint) -> list[str]:
    """Write out all texts that are one or two of the strings."""
    assert constraint.most == 2
    strings = list(constraint.strings)
    return strings + [first + second for first in strings for second in strings]


def naive_greedy(model: Path, prompt: str) -> str:
    """Decode the whole sequence at each step; the tokens of the tiny model are characters."""
    from transformers import AutoModelForCausalLM

    tokenizer = tiny_tokenizer()
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype="float32").eval()
    whole = naive_texts(CONSTRAINT)
    ids, text = tokenizer(prompt)["input_ids"], ""
    while True:
        with torch.inference_mode():
            logits = loaded(torch.tensor([ids])).logits[0, -1]
        following = {other[len(text)] for other in whole if other[: len(text)] == text != other}
        options = [tokenizer(one, add_special_tokens=False)["input_ids"][0] for one in following]
        if text in whole:
            options.append(tokenizer.eos_token_id)
        best = max(options, key=lambda token: float(logits[token]))
        if best == tokenizer.eos_token_id:
            return text
        ids.append(best)
        text += tokenizer.decode([best])


@pytest.mark.usefixtures("without_grammar")
@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_each_token_is_the_most_probable_one_that_leads_to_a_string(model, tmp_path, backend):
    engine = {
        # Two responses at a time, so that they take the places of those that are done.
        "max_num_seqs": 2,
        "additional_config": {"mine": 1},
        # Tokens that are proposed are not masked, so a constraint must switch this off.
        "speculative_config": {
            "method": "ngram",
            "num_speculative_tokens": 2,
            "prompt_lookup_max": 2,
        },
    }
    rows = sample(model, tmp_path, CONSTRAINT, backend=backend, engine=engine)
    assert {row["finish_reason"] for row in rows} == {"stop"}
    found = {row["prompt_id"]: row["response"] for row in rows}
    assert found == {prompt.id: naive_greedy(model, prompt.text) for prompt in PROMPTS}


@pytest.mark.usefixtures("without_grammar")
@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_drawn_responses_are_strings_too(model, tmp_path, backend):
    rows = sample(model, tmp_path, CONSTRAINT, backend=backend, n=8, temperature=2.0, top_p=1.0)
    texts = {row["response"] for row in rows}
    assert texts <= set(naive_texts(CONSTRAINT))
    assert len(texts) > 10


@pytest.mark.slow
def test_a_trie_and_a_grammar_of_characters_give_the_same(model, tmp_path, monkeypatch):
    drawn = {"backend": "vllm", "n": 4, "temperature": 2.0, "top_p": 1.0}
    grammar = sample(model, tmp_path / "grammar", CONSTRAINT, **drawn)
    monkeypatch.setattr("quotetune.sampling.constraint.GRAMMAR_CHOICES", 0)
    monkeypatch.setattr(Constraint, "grammar", lambda self: pytest.fail("there is a grammar"))
    assert sample(model, tmp_path / "trie", CONSTRAINT, **drawn) == grammar


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_strings_can_be_more_than_a_grammar_can_have(model, tmp_path, backend):
    ids = [f"{i * 7919 % 1_000_003:x}" for i in range(100_200)]
    assert len(set(ids)) == 100_200
    constraint = Constraint(" [", ids, "]", 2)
    assert not constraint.fits_grammar
    rows = sample(model, tmp_path, constraint, backend=backend)
    known = set(ids)
    for row in rows:
        own = row["response"].removeprefix(" [").removesuffix("]").split("] [")
        assert 1 <= len(own) <= 2 and known.issuperset(own)
        assert row["response"] == "".join(f" [{id}]" for id in own)


def test_characters_count_towards_what_a_grammar_can_have():
    assert Constraint("", ["x" * 3_000_000], "", 1).fits_grammar
    assert not Constraint("", ["x" * 3_000_001], "", 1).fits_grammar


def test_another_constraint_is_another_job(model, tmp_path):
    first = sample(model, tmp_path, CONSTRAINT, backend="transformers")
    again = sample(model, tmp_path, CONSTRAINT, backend="transformers")
    other = Constraint(" [", ["eight" if one == "foxes" else "ox" for one in VALID], "]", 2)
    changed = sample(model, tmp_path, other, backend="transformers")
    assert first == again
    assert {row["response"] for row in changed} <= set(naive_texts(other))


@pytest.mark.parametrize("unknown", [None, "?"])
def test_a_string_with_an_unknown_character_is_left_out(unknown):
    # Without a token for them, the tokenizer drops such characters: éb would be spelt as b.
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.model.unk_token = unknown
    constraint = Constraint("[", ["\u00e9b", "a\u00e9", "ac"], "]", 1)
    trie = token_trie(constraint, tokenizer, [tokenizer.eos_token_id])
    assert len(trie) == 1
    [only] = tokenizer(["[ac]"], add_special_tokens=False)["input_ids"]
    assert [own.tolist() for own in trie.allowed([only[:1]])[1]] == [only[1:2]]


def test_the_name_of_a_special_token_in_a_string_is_text(model, tmp_path):
    constraint = Constraint(" [", ["a<|end|>b"], "]", 1)
    for row in sample(model, tmp_path, constraint, backend="transformers"):
        assert row["response"] == " [a<|end|>b]"
