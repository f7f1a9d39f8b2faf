"""Whole responses under `verbatim` and `never`: all of them keep the rule, with both backends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import naive_quotes
from guided_samples import guided_samples
from naive_index import NaiveIndex, windows
from quotetune import build_index
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.guided import GuideSource

N = 5
TEXTS = [
    "Snow falls on the hill, and the hill is white.",
    "Ice melts in the sun. It is the sun that melts it, and not the wind.",
    'She said "no" twice, and then "yes" once, and went.',
]
PROMPTS = [Prompt(name, text=f"What is {name}?") for name in "abcd"]
BACKENDS = ["transformers", "vllm"]

pytestmark = pytest.mark.usefixtures("without_children")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("modes") / "index"
    build_index([{"id": str(i), "text": text} for i, text in enumerate(TEXTS)], path, n=N)
    return path


def responses(
    model: Path, output: Path, backend: str, source: GuideSource, guide: Any, **settings: Any
) -> list[dict[str, Any]]:
    """Draw 500 responses."""
    many = {"backend": backend, "n": 125, "max_tokens": 32, "guide": guide}
    table = guided_samples(PROMPTS, model, output, source, **many | settings)
    rows: list[dict[str, Any]] = table.to_pylist()
    assert len(rows) == 500
    return rows


def repeats(rows: list[dict[str, Any]], pairs: list[str]) -> int:
    """Count the responses that have one of the pairs of letters."""
    texts = [NaiveIndex([], 2, "squash").normalized(row["response"])[0] for row in rows]
    return sum(not set(pairs).isdisjoint(windows(text, 2)) for text in texts)


@pytest.mark.parametrize("backend", BACKENDS)
def test_never_keeps_all_ngrams_out(model: Path, tmp_path: Path, backend: str) -> None:
    pairs = [first + second for first in "aeiou+<" for second in "0123456789abcdefghij"]
    build_index(pairs, tmp_path / "index", n=2)
    source = GuideSource(tmp_path / "index")
    rows = responses(model, tmp_path / "never", backend, source, {"mode": "never"})
    assert repeats(rows, pairs) == 0
    assert sum(len(row["response"]) for row in rows) > 3000
    if backend == "transformers":
        assert repeats(responses(model, tmp_path / "free", backend, source, None), pairs) > 100


def quotes(rows: list[dict[str, Any]], marks: str, texts: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield the quotes of responses, and whether each stands in one of some texts."""
    naive = NaiveIndex([], N, "squash")
    naive.documents = [naive.normalized(text)[0] for text in texts]
    for row in rows:
        for quote in naive_quotes.quotes(row["response"], marks, N, naive):
            yield quote, naive_quotes.stands(quote, naive, N)


def is_open(text: str, marks: str) -> bool:
    """Whether a response ends within a quote."""
    naive = NaiveIndex([], N, "squash")
    for quote in naive_quotes.quotes(text, marks, N, naive):
        text = text.split(marks[0], 1)[1][len(quote) + 1 :]
    return marks[0] in text


@pytest.mark.parametrize(
    ("backend", "marks", "stop"),
    [
        ("transformers", None, []),
        pytest.param("transformers", "<>", ["e", "W"], marks=pytest.mark.slow),
        ("vllm", "<>", ["e", "W"]),
    ],
)
def test_all_quotes_are_verbatim_and_closed(
    model: Path, index: Path, tmp_path: Path, backend: str, marks: str | None, stop: list[str]
) -> None:
    guide = {"mode": "verbatim", "marks": marks, "strength": 0.0}
    rows = responses(model, tmp_path, backend, GuideSource(index), guide, stop=stop)
    found = list(quotes(rows, marks or '""', TEXTS))
    assert len(found) > 20
    assert all(stands for _, stands in found)
    assert not any(is_open(row["response"], marks or '""') for row in rows)
    if stop:
        assert {row["finish_reason"] for row in rows} == {"stop", "length"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_whole_response_is_one_quote(
    model: Path, index: Path, tmp_path: Path, backend: str
) -> None:
    guide = {"mode": "verbatim", "marks": ""}
    rows = responses(model, tmp_path, backend, GuideSource(index), guide, max_tokens=80)
    naive = NaiveIndex([], N, "squash")
    naive.documents = [naive.normalized(text)[0] for text in TEXTS]
    assert all(naive_quotes.stands(row["response"], naive, N) for row in rows)
    assert {row["finish_reason"] for row in rows} == {"stop"}
    assert len({row["response"] for row in rows}) > 20


def test_quotes_are_of_the_prompt_s_documents(model: Path, index: Path, tmp_path: Path) -> None:
    own = {prompt.id: (("documents", str(i % 2)),) for i, prompt in enumerate(PROMPTS)}
    source = GuideSource(index, own)
    guide = {"mode": "verbatim", "documents": "prompt"}
    rows = responses(model, tmp_path, "transformers", source, guide)
    for number in (0, 1):
        mine = [row for row in rows if own[row["prompt_id"]] == (("documents", str(number)),)]
        found = list(quotes(mine, '""', [TEXTS[number]]))
        assert found and all(stands for _, stands in found)
