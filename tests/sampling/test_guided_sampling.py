"""Sampling under the guide, with both backends, against a guide in naive Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import naive_guide
from guided_samples import guided_samples
from naive_index import NaiveIndex
from quotetune import Index, build_index
from quotetune.config import GuideConfig, SamplingConfig
from quotetune.errors import UsageError
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.guided import GuideSource
from quotetune.sampling.parts import part_path, schema
from tiny_model import tiny_tokenizer

PROMPTS = [Prompt("a", text="What?"), Prompt("b", text="A longer prompt."), Prompt("c", text="So")]
TEXTS = ["Snow falls on the hill.", "Ice melts in the sun."]
GUIDE: dict[str, Any] = {
    "strength": 90.0,
    "min_chars": 1,
    "max_chars": 8,
    "candidates": 90,
    "end": "plain",
}
BACKENDS = ["transformers", "vllm"]

pytestmark = pytest.mark.usefixtures("without_children")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("guided") / "index"
    build_index(TEXTS, path, n=4)
    return path


def sample(
    model: Path, output: Path, backend: str, source: GuideSource | None, **settings: Any
) -> Any:
    few = {"backend": backend, "n": 4, "max_tokens": 16, "chunk_prompts": 2}
    return guided_samples(PROMPTS, model, output, source, **few | settings)


def naive_bonus(response: list[bytes], token: bytes, strength: float, texts: list[str]) -> float:
    least, most = GUIDE["min_chars"], GUIDE["max_chars"]
    m = naive_guide.match(NaiveIndex(texts, 4, "squash"), [*response, token], least, most)
    return strength * max(m - least, 0) / (most - least)


def naive_greedy(model: Path, prompt: str, strength: float, texts: list[str]) -> str:
    """Decode with the whole sequence at each step, and the bonus on the best candidates."""
    from transformers import AutoModelForCausalLM

    tokenizer = tiny_tokenizer()
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype="float32").eval()
    ids = tokenizer(prompt)["input_ids"]
    response: list[bytes] = []
    for _ in range(16):
        with torch.inference_mode():
            logits = loaded(torch.tensor([ids])).logits[0, -1].numpy().copy()
        for token in np.argsort(-logits)[: GUIDE["candidates"]]:
            shown = tokenizer.decode([token], skip_special_tokens=True).encode()
            logits[token] += naive_bonus(response, shown, strength, texts)
        best = int(logits.argmax())
        if best == tokenizer.eos_token_id:
            break
        ids.append(best)
        response.append(tokenizer.decode([best], skip_special_tokens=True).encode())
    return b"".join(response).decode()


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_token_is_the_one_that_a_naive_guide_chooses(
    model: Path, index: Path, tmp_path: Path, backend: str
) -> None:
    settings = {"n": 1, "temperature": 0.0, "guide": GUIDE}
    rows = sample(model, tmp_path, backend, GuideSource(index), **settings).to_pylist()
    for prompt, row in zip(PROMPTS, rows, strict=True):
        assert row["response"] == naive_greedy(model, prompt.text or "", 90.0, TEXTS)
        assert row["guide_strength"] == 90.0
    assert Index.open(index).quip([row["response"] for row in rows]).max() > 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_strengths_are_drawn_side_by_side_and_kept_on_the_rows(
    model: Path, index: Path, tmp_path: Path, backend: str
) -> None:
    source = GuideSource(index)
    table = sample(model, tmp_path / "both", backend, source, guide=GUIDE | {"strength": [0, 90]})
    assert table.schema.equals(schema(guided=True))
    rows = table.to_pylist()
    plain = sample(model, tmp_path / "plain", backend, None).to_pylist()
    assert [(row["prompt_id"], row["sample"]) for row in rows] == [
        (prompt.id, number) for prompt in PROMPTS for number in range(8)
    ]
    # Without strength, the responses are those that are drawn without a guide.
    free = [row for row in rows if row["guide_strength"] == 0]
    assert [row["response"] for row in free] == [row["response"] for row in plain]
    guided = [row for row in rows if row["guide_strength"] == 90]
    assert [row["sample"] for row in guided[:4]] == [4, 5, 6, 7]
    assert [row["seed"] for row in guided] == [row["seed"] + 4 for row in free]
    opened = Index.open(index)
    quip = [np.nanmean(opened.quip([row["response"] for row in some])) for some in (free, guided)]
    assert quip[1] > quip[0] + 0.1
    # A part that is made again is the same.
    part_path(tmp_path / "both", 1).unlink()
    again = sample(model, tmp_path / "both", backend, source, guide=GUIDE | {"strength": [0, 90]})
    assert again.equals(table)


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_prompt_is_guided_towards_its_own_documents(
    model: Path, index: Path, tmp_path: Path, backend: str
) -> None:
    own = {"a": (("documents", "0"),), "b": (("documents", "1"),)}
    settings = {"n": 1, "temperature": 0.0, "guide": GUIDE}
    source = GuideSource(index, own)
    rows = sample(model, tmp_path, backend, source, **settings).to_pylist()
    texts = [[TEXTS[0]], [TEXTS[1]], []]
    for prompt, row, one in zip(PROMPTS, rows, texts, strict=True):
        strength = 90.0 if one else 0.0
        assert row["response"] == naive_greedy(model, prompt.text or "", strength, one)


def test_the_top_p_filter_looks_at_the_tokens_that_the_guide_has_found(
    model: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quotetune.decoding.vllm import QuoteGuide
    from quotetune.sampling import guided_nucleus, nucleus

    known: list[Any] = []
    keep = nucleus.keep_nucleus

    def watched(logits: torch.Tensor, top_p: float, **options: Any) -> torch.Tensor:
        known.append(options["known"])
        return keep(logits, top_p, **options)

    monkeypatch.setattr(nucleus, "keep_nucleus", watched)

    def drawn(name: str, **guide: Any) -> Any:
        known.clear()
        settings = {"guide": GUIDE | {"candidates": 20} | guide, "top_p": 0.7}
        return sample(model, tmp_path / name, "vllm", GuideSource(index), **settings)

    together = drawn("together")
    assert known and all(tokens.shape[1] == nucleus.CANDIDATES[0] for tokens in known)
    # Rows without a bonus are not searched by the guide.
    drawn("some", strength=[0, 90])
    assert None in known
    monkeypatch.setattr(
        guided_nucleus,
        "guided_nucleus",
        lambda top_p: [QuoteGuide, nucleus.nucleus_processor(top_p)],
    )
    assert drawn("apart").equals(together)
    assert set(known) == {None}


def test_a_guide_needs_an_index(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"sampling\.guide: there is no index"):
        sample(model, tmp_path, "transformers", None, guide=GUIDE)


def test_lengths_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="min_chars is 9 and max_chars 9: raise max_chars"):
        GuideConfig(min_chars=9, max_chars=9)


def test_settings_without_a_guide_are_dumped_as_before() -> None:
    assert "guide" not in SamplingConfig().model_dump()
    assert SamplingConfig(guide={}).model_dump()["guide"]["strength"] == 4.0
