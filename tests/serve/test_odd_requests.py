"""Any JSON is answered or refused, and never an error of the server."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from http_server import Server, serving
from quotetune import build_index

KEYS = {
    "/score": ["texts", "index", "exact"],
    "/trace": [
        *("texts", "index", "min_chars", "max_documents", "whole_words", "max_count"),
        *("one_per_place", "max_density", "rarest_first", "snippet_chars"),
    ],
    "/cite": ["texts", "index", "min_chars", "max_documents", "style", "all"],
    "/quip": ["documents", "format_quotes"],
    "/": ["query_type", "query", "query_ids", "index", "corpus"],
    "/fruit/attribution": [
        *("response", "delimiters", "allowSpansWithPartialWords", "minimumSpanLength"),
        *("maximumFrequency", "maximumSpanDensity", "spanRankingMethod", "maximumContextLength"),
        *("maximumDocumentsPerSpan", "maximumContextLengthLong", "maximumContextLengthSnippet"),
    ],
}
TEXTS = st.text("an b\u0301\ud800\x00<&.\n\U0001f600", max_size=30) | st.just("banana bandana ")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 3, 8, 25, -1, 2**31, 2**63, 2**64, 10**30, 0.05, 1e308, 1e-308])
    | st.sampled_from([float("nan"), float("inf"), "fruit", "lean", "text", "length", "count"])
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
UNICODE = TEXTS.filter(lambda text: "\ud800" not in text)
INDEXES = st.sampled_from(["fruit", "lean", None])
# What a client sends that knows the service; any two keys get odd values on top.
GOOD = {
    "texts": st.lists(UNICODE, min_size=1, max_size=3),
    "documents": st.lists(UNICODE, max_size=3),
    "query": UNICODE,
    "response": UNICODE,
    "index": INDEXES,
    "corpus": INDEXES,
    "query_type": st.just("count"),
    "query_ids": st.none(),
    "style": st.sampled_from(["markdown", "text"]),
    "delimiters": st.lists(UNICODE, max_size=2),
    "spanRankingMethod": st.sampled_from(["length", "unigram_logprob_sum"]),
    "max_density": st.floats(0.01, 1),
    "maximumSpanDensity": st.floats(0.01, 1),
    "min_chars": st.integers(4, 30),
}
NEEDED = ("texts", "documents", "query", "response")
OTHER = st.integers(1, 30) | st.booleans()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("odd")
    texts = ["banana bandana banana", "b\u0301an\U0001f600a <b>&"]
    build_index(texts, folder / "fruit", n=4, normalization="fold")
    build_index(texts, folder / "lean", n=4, structures=["bloom", "lean"])
    build_index(texts, folder / "filter", n=4, structures="fuse")
    indexes = [folder / name for name in ("fruit", "lean", "filter")]
    with serving(folder, *indexes, "--rate", 100_000) as server:
        yield server


@pytest.mark.parametrize("path", KEYS)
@settings(max_examples=60)
@given(data=st.data())
def test_any_body_is_answered_or_refused(server: Server, path: str, data: st.DataObject) -> None:
    keys = [key for key in KEYS[path] if key in NEEDED or data.draw(st.booleans())]
    body = {key: data.draw(GOOD.get(key, OTHER)) for key in keys}
    for key in data.draw(st.sets(st.sampled_from(KEYS[path]), max_size=2)):
        body[key] = data.draw(VALUES)
    answer = server.post(path, json.dumps(body).encode())
    assert answer.status in (200, 404, 413, 422), (answer.status, answer.body)
    assert answer.status == 200 or list(answer.json) == ["error"]


@settings(max_examples=60)
@given(query=st.binary(max_size=30), method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "X"]))
def test_any_path_is_answered_or_refused(server: Server, query: bytes, method: str) -> None:
    named = "".join(f"%{byte:02x}" for byte in query)
    for path in (f"/documents?source={named}&id={named}&{named}", f"/{named}", f"/{named}/a"):
        answer = server.ask(method, path, b"", {"content-type": "application/json"})
        expected = (200,) if (method, path) == ("GET", "/") else (400, 404, 405, 422)
        assert answer.status in expected, (path, answer.status)


def test_many_bodies_got_as_far_as_an_index(server: Server) -> None:
    answered = [line["path"] for line in server.lines() if line["status"] == 200]
    assert all(answered.count(path) > 5 for path in KEYS)
    assert "Traceback" not in server.errors.read_text()
