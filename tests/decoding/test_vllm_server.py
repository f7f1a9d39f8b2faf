"""The guide in an unchanged vLLM server: the operator sets the mode, a request its strength."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from benchmarks.vllm_server import vllm_server

import naive_quotes
from naive_index import NaiveIndex
from quotetune import build_index
from quotetune.decoding.vllm import DOCUMENTS, ENGINE_KEY, STRENGTH

# Quicker tests have the engine without the server: test_modes.py and test_guided_sampling.py.
pytestmark = pytest.mark.slow

N = 5
TEXTS = [
    "Snow falls on the hill, and the hill is white.",
    "Ice melts in the sun. It is the sun that melts it, and not the wind.",
]


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server; give its address."""
    directory = tmp_path_factory.mktemp("server")
    documents = [{"id": str(place), "text": text} for place, text in enumerate(TEXTS)]
    build_index(documents, directory / "index", n=N)
    guide = {
        "index": str(directory / "index"),
        "mode": "verbatim",
        "marks": "<>",
        "min_chars": 1,
        "max_chars": 4,
        "candidates": 100,
    }
    options = ["--max-model-len", 256, "--logits-processors", "quotetune.decoding:QuoteGuide"]
    options += ["--additional-config", json.dumps({ENGINE_KEY: guide})]
    with vllm_server(model, directory, "tiny", *options) as address:
        yield address


def complete(server: str, **xargs: Any) -> httpx.Response:
    content = {"model": "tiny", "prompt": "What is snow?", "max_tokens": 40, "n": 40, "seed": 1}
    return httpx.post(f"{server}/v1/completions", json=content | {"vllm_xargs": xargs}, timeout=300)


def texts(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [choice["text"] for choice in response.json()["choices"]]


def covered(drawn: list[str]) -> float:
    """Return the share of windows of three characters that stand in the corpus."""
    naive = NaiveIndex(TEXTS, 3, "squash")
    windows = [text[i : i + 3] for text in drawn for i in range(len(text) - 2)]
    return sum(any(w in held for held in naive.documents) for w in windows) / len(windows)


def test_a_request_sets_its_strength_and_the_operators_mode_holds(server: str) -> None:
    free, guided = (texts(complete(server, **{STRENGTH: strength})) for strength in (0, 40))
    assert covered(guided) > 2 * covered(free)
    naive = NaiveIndex([], N, "squash")
    naive.documents = [naive.normalized(text)[0] for text in TEXTS]
    quotes = [quote for text in free for quote in naive_quotes.quotes(text, "<>", N, naive)]
    assert quotes
    assert all(naive_quotes.stands(quote, naive, N) for quote in quotes)


def test_a_request_names_its_documents(server: str) -> None:
    own = [json.dumps(["documents", "1"])]
    drawn = texts(complete(server, **{STRENGTH: 40, DOCUMENTS: own}))
    naive = NaiveIndex([], N, "squash")
    naive.documents = [naive.normalized(TEXTS[1])[0]]
    quotes = [quote for text in drawn for quote in naive_quotes.quotes(text, "<>", N, naive)]
    assert quotes
    assert all(naive_quotes.stands(quote, naive, N) for quote in quotes)


@pytest.mark.parametrize("strength", [-1, "much"])
def test_a_strength_that_is_none_is_a_bad_request(server: str, strength: Any) -> None:
    refused = complete(server, **{STRENGTH: strength})
    assert refused.status_code == 400
    assert STRENGTH in refused.text
