"""What the routes answer, by HTTP, is what the index says in Python."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote as percent_encoded

import pytest

from http_server import Server, serving
from naive_index import windows
from processes import wait_until
from quotetune import Document, Index, build_index, cite
from quotetune.rendering.quip_service import formatted_quotes, service_response
from quotetune.serve.answers import traces
from quotetune.serve.requests import TraceRequest

FOX = "The quick brown fox jumps over the lazy dog. A quick brown dog sleeps."
HOSTILE = "<script>alert(1)</script> \u202e ../../etc/passwd \x00 {{7*7}} %00 ' or 1=1 --"
TEXTS = [
    "He saw the quick brown fox jumps over the lazy cat.",
    "short",
    "",
    HOSTILE,
    "The quick  brown\nfox jumps over the lazy dog, and café \U0001f469\u200d\U0001f680 naïve.",
]
CORPUS = [
    Document("fables", "fox", FOX, {"title": "Fox", "number": float("nan")}),
    Document("fables", "copy", FOX.upper() + " " + FOX, {}),
    Document(HOSTILE, HOSTILE, HOSTILE * 3, {HOSTILE: HOSTILE}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("answers")


@pytest.fixture(scope="module")
def index(folder: Path) -> Index:
    build_index(["only a filter knows this text"], folder / "filter", structures="bloom")
    return build_index(CORPUS, folder / "index", n=5)


@pytest.fixture(scope="module")
def server(folder: Path, index: Index) -> Iterator[Server]:
    filter = f"filter={folder / 'filter'}"
    with serving(folder, f"fox={index.path}", filter, "--rate", 100_000) as server:
        yield server


def as_json(value: object) -> object:
    text = json.dumps(value)
    return json.loads(text.replace("NaN", "null"))


def test_scores_are_those_of_the_index(server: Server, index: Index) -> None:
    answer = server.post("/score", {"texts": TEXTS})
    assert answer.status == 200 and answer.json["index"] == "fox"
    reports = [as_json(report.to_dict()) for report in index.score(TEXTS, max_documents=0)]
    for report in reports:
        assert isinstance(report, dict)
        del report["quotes"]
    assert answer.json["results"] == reports
    exact = server.post("/score", {"texts": TEXTS, "exact": True}).json["results"]
    assert exact == reports  # a filter of so few n-grams has no false positive here


@pytest.mark.parametrize("arguments", [{}, {"min_chars": 7, "max_documents": 1}])
def test_traces_are_those_of_the_index(server: Server, index: Index, arguments: dict) -> None:
    answer = server.post("/trace", {"texts": TEXTS, **arguments})
    expected = [
        {"quotes": [quote.to_dict() for quote in quotes]}
        for quotes in index.trace(TEXTS, **arguments)
    ]
    assert answer.json == {"index": "fox", "results": as_json(expected)}
    assert any(result["quotes"] for result in answer.json["results"])


def test_snippets_are_the_document_s_text_around_each_occurrence(server, index: Index) -> None:
    most = 0
    answer = server.post("/trace", {"texts": [*TEXTS, HOSTILE[:9]], "snippet_chars": 7})
    for result in answer.json["results"]:
        for quote in result["quotes"]:
            for document in quote["documents"]:
                text = index.document(document["source"], document["id"]).text
                length = len(quote["text"])
                expected = [
                    {
                        "offset": start,
                        "before": text[max(start - 7, 0) : start],
                        "quote": quote["text"],
                        "after": text[start + length : start + length + 7],
                    }
                    for start in range(len(text))
                    if text[start : start + length] == quote["text"]
                ]
                assert document["offset"] == expected[0]["offset"]
                assert document["snippets"] == expected
                most = max(most, len(expected))
    assert most == 3


def test_a_document_shows_its_first_ten_occurrences(tmp_path: Path) -> None:
    index = build_index(["banana " * 50], tmp_path / "index", n=5)
    request = TraceRequest(texts=["one banana"], snippet_chars=1)
    [[quote]] = [result["quotes"] for result in traces(index, request)]
    assert quote["count"] == 49  # with the space before it
    offsets = [snippet["offset"] for snippet in quote["documents"][0]["snippets"]]
    assert offsets == [6 + 7 * place for place in range(10)]


@pytest.mark.parametrize("arguments", [{"min_chars": 10}, {"all": True, "style": "text"}])
def test_citations_are_those_of_cite(server: Server, index: Index, arguments: dict) -> None:
    answer = server.post("/cite", {"texts": TEXTS, **arguments})
    cited = [cite(text, index, **arguments) for text in TEXTS]
    expected = [{**one.to_dict(), "footnotes": one.footnotes()} for one in cited]
    assert answer.json["results"] == as_json(expected)


@pytest.mark.parametrize("document", CORPUS, ids=["fox", "copy", "hostile"])
def test_a_document_is_that_of_the_index(server: Server, index: Index, document: Document) -> None:
    stored = index.document(document.source, document.id)
    path = f"/documents?source={percent_encoded(document.source)}&id={percent_encoded(document.id)}"
    found = server.get(path).json
    assert (found["source"], found["id"], found["text"]) == (
        document.source,
        document.id,
        stored.text,
    )
    assert found["metadata"] == as_json(document.metadata)
    part = server.get(path + "&start=4&end=9").json
    assert (part["text"], part["characters"]) == (stored.text[4:9], len(stored.text))


@pytest.mark.parametrize(
    ("part", "status", "expected"),
    [
        ("start=70", 200, ""),
        ("start=7&end=7", 200, ""),
        ("start=69&end=1000", 200, "."),
        ("end=3", 200, "The"),
        ("start=71", 404, "no such part: the document has 70 characters"),
        ("start=9&end=4", 422, "end is 4, before start, which is 9: choose a larger end"),
        ("start=90&end=4", 422, "end is 4, before start, which is 90: choose a larger end"),
        ("start=-1", 422, "query.start: input should be greater than or equal to 0"),
        ("end=-1", 422, "query.end: input should be greater than or equal to 0"),
        ("start=&end=4", 422, "query.start: input should be a valid integer"),
    ],
)
def test_a_part_that_no_document_has_is_refused(server, part, status: int, expected: str) -> None:
    answer = server.get(f"/documents?source=fables&id=fox&{part}")
    found = answer.json["text"] if status == 200 else answer.json["error"]
    assert answer.status == status
    assert found == expected if status == 200 else found.startswith(expected)


@pytest.mark.parametrize("id", ["nothing", "../fox", "%2e%2e%2ffox", "%00", "%ff", HOSTILE[:10]])
def test_a_document_that_is_not_there_is_a_404_that_names_no_path(server: Server, id: str) -> None:
    answer = server.get(f"/documents?source=fables&id={percent_encoded(id, safe='%')}")
    assert answer.status == 404
    assert answer.json == {"error": "no such document: look up source and id in a quote"}


def test_quip_is_the_response_of_the_reference_service(server: Server, index: Index) -> None:
    found = server.post("/quip", {"documents": TEXTS, "format_quotes": True}).json
    for idx, (doc, hits) in enumerate(index.windows(TEXTS)):
        expected = service_response(idx, doc, hits.tolist(), 5)
        expected |= formatted_quotes(doc, expected["chain_idxs"], 5)
        assert found[idx] == as_json(expected)
    assert "quote_text" not in server.post("/quip", {"documents": TEXTS}).json[0]


@pytest.mark.parametrize("doc", ["", "abcde", "xxabcdexxcdefgxxabcdefg", "abcdexabcde"])
def test_formatted_quotes_nest_as_many_brackets_as_chains_cover_a_character(doc: str) -> None:
    held = {"abc", "bcd", "cde", "efg"}
    members = [window in held for window in windows(doc, 3)]
    chains = service_response(0, doc, members, 3)["chain_idxs"]
    shown = ""
    depth_before = None
    for at, letter in enumerate(doc):
        depth = sum(chain[0] <= at < chain[-1] + 3 for chain in chains)
        if depth != depth_before:
            shown += "]" * (depth_before or 0) + "[" * depth
        shown, depth_before = shown + letter, depth
    assert formatted_quotes(doc, chains, 3)["quote_text"] == shown + "]" * (depth_before or 0)


@pytest.mark.parametrize("query", ["fox", "o", "", "never", HOSTILE, "brown\n fox"])
def test_a_count_is_that_of_the_index(server: Server, index: Index, query: str) -> None:
    body = {"index": "v4_some_index", "query_type": "count", "query": query}
    answer = server.post("/", body).json
    assert (answer["count"], answer["approx"]) == (index.count([query])[0], False)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"query_type": "ntd", "query": "a"}, "only count"),
        ({"query_type": "count", "query_ids": [5, 6]}, "no tokens"),
        ({"query_type": "count"}, "query: missing"),
        ({"query_type": "count", "query": "fox AND dog"}, "AND and OR"),
    ],
)
def test_other_queries_of_the_infini_gram_api_are_refused(server, body: dict, part: str) -> None:
    answer = server.post("/", body)
    assert answer.status == 422 and part in answer.json["error"]


def test_spans_of_an_attribution_are_whole_words_and_their_tokens_give_the_text(
    server: Server, index: Index
) -> None:
    text = f"{TEXTS[0]} Another quick brown dog\nsleeps. {HOSTILE}"
    body = {"response": text, "delimiters": ["\n"], "maximumSpanDensity": 1}
    answer = server.post("/fox/attribution", body)
    found = answer.json
    assert answer.status == 200 and "".join(found["inputTokens"]) == text
    shown = {span["text"] for span in found["spans"]}
    assert {"quick brown fox jumps over the lazy", "quick brown dog"} <= shown
    for span in found["spans"]:
        tokens = "".join(found["inputTokens"][span["left"] : span["right"]])
        assert tokens.strip() == span["text"].strip()
        assert span["count"] == index.count([span["text"]])[0] <= 10
        assert "\n" not in span["text"]
        for document in span["documents"]:
            needle = document["text"][document["needleOffset"] :]
            assert needle.startswith(span["text"])
            stored = index.document(document["metadata"]["source"], document["metadata"]["id"])
            assert document["text"] in stored.text
            assert document["documentLength"] == len(stored.text)
    names = ["maximumContextLength", "maximumContextLengthLong", "maximumContextLengthSnippet"]
    around = dict(zip(names, (9, 5, 2), strict=True))
    for span in server.post("/fox/attribution", body | around).json["spans"]:
        for document in span["documents"]:
            stored = index.document(document["metadata"]["source"], document["metadata"]["id"])
            start = stored.text.find(span["text"])
            for key, chars in (("text", 9), ("textLong", 5), ("textSnippet", 2)):
                end = start + len(span["text"]) + chars
                assert document[key] == stored.text[max(start - chars, 0) : end]
    few = server.post("/fox/attribution", body | {"maximumSpanDensity": 0.001}).json["spans"]
    longest = max(found["spans"], key=lambda span: len(span["text"]))
    assert [span["text"] for span in few] == [longest["text"]]


def test_token_ids_are_refused_with_what_to_do(server: Server) -> None:
    answer = server.post("/fox/attribution", {"response": [1, 2, 3]})
    assert answer.status == 422
    assert answer.json["error"] == "response: token ids: there are no tokens here: send the text"


def test_indexes_are_described_and_chosen_by_name(server: Server, index: Index) -> None:
    first, second = server.get("/indexes").json["indexes"]
    assert (first["name"], first["documents"], first["n"]) == ("fox", len(index), 5)
    assert (second["name"], second["structures"]) == ("filter", ["bloom"])
    text = "only a filter knows this text"
    named = server.post("/score", {"texts": [text], "index": "filter"}).json
    assert named["results"][0]["quip_25_beta"] == 1.0
    refused = server.post("/trace", {"texts": [text], "index": "filter"})
    assert refused.status == 422 and "no suffix index" in refused.json["error"]
    unknown = server.post("/score", {"texts": [text], "index": "../fox"})
    assert unknown.status == 404 and unknown.json["error"] == "no such index: choose fox or filter"


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2ffox", "<script>", "fox%00", "a/b"])
def test_an_index_of_an_odd_name_is_not_there(server: Server, name: str) -> None:
    path = f"/{percent_encoded(name, safe='%/')}/attribution"
    assert server.post(path, {"response": "a"}).status == 404


BAD = [
    (b"", "body"),
    (b'{"texts": [', "not JSON"),
    (b"[1]", "valid dictionary"),
    (b'{"texts": "one text"}', "texts: "),
    (b'{"texts": ["a", 5]}', "texts.1: "),
    (b'{"texts": ["a", "\\ud800"]}', "text 1 contains a lone surrogate"),
    (b'{"texts": ["a"], "max_documetns": 1}', "max_documetns: unknown key: choose texts, index, "),
    (b'{"text": ["a"]}', "text: unknown key: choose texts, index, min_chars, "),
    (b'{"texts": [], "' + b"y" * 100_000 + b'": 1}', "y" * 50 + "\u2026: unknown key: choose "),
    (b'{"texts": [], "\\ud800": 1}', "body: "),
    (b'{"texts": ["a"], "max_documents": 1e99}', "max_documents: "),
    (b'{"texts": ["a"], "max_documents": "1"}', "max_documents: "),
    (b'{"texts": ["a"], "max_documents": true}', "max_documents: "),
    (b'{"texts": ["a"], "whole_words": "no"}', "whole_words: "),
    (b'{"texts": ["a"], "whole_words": 0}', "whole_words: "),
    (b'{"texts": ["a"], "min_chars": 1}', "min_chars is 1: choose 5 or more"),
    (b'{"texts": ["\xff"]}', "body"),
    (b'{"texts": ' + b"[" * 100_000, "body"),
    (b'{"texts": ["a"], "min_chars": ' + b"9" * 5000 + b"}", ""),
]


@pytest.mark.parametrize(("body", "part"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_malformed_body_is_one_line_and_is_not_repeated(server, body: bytes, part: str) -> None:
    answer = server.post("/trace", body)
    assert answer.status == 422
    assert part in answer.json["error"] and len(answer.body) < 300


@pytest.mark.parametrize("path", ["/", "/score", "/documents", "/healthz", "/fox/attribution"])
def test_a_method_that_a_path_does_not_take_is_told_those_that_it_takes(server, path: str) -> None:
    described = server.get("/openapi.json").json["paths"]
    taken = {method.upper() for method in described[path.replace("/fox/", "/{index}/")]}
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} - taken:
        for kind in ("text/plain", "application/json"):
            answer = server.ask(method, path, b"", {"content-type": kind})
            assert answer.status == 405 and set(answer.headers["Allow"].split(", ")) == taken
    assert server.ask("POST", "/nothing", b"", {"content-type": "text/plain"}).status == 404


def test_the_description_has_every_route_and_loads_nothing(server: Server) -> None:
    routes = server.get("/openapi.json").json["paths"]
    own = {"/score", "/trace", "/cite", "/documents", "/indexes", "/healthz", "/metrics"}
    runs = {"/runs", "/runs/{run}", "/runs/{run}/prompts", "/runs/{run}/prompts/{number}"}
    assert own | runs | {"/quip", "/", "/{index}/attribution"} == set(routes)
    assert [server.get(path).status for path in ("/docs", "/redoc", "/nothing")] == [404] * 3
    assert server.get("/score").status == 405


def test_a_request_is_one_line_of_json_without_its_text(server: Server) -> None:
    server.post("/score", {"texts": ["a secret that no log has", "b"]})
    line = server.line(characters=25)
    assert (line["path"], line["status"], line["index"], line["texts"]) == (
        "/score",
        200,
        "fox",
        2,
    )
    assert "secret" not in server.log.read_text()


def test_metrics_count_the_requests_of_a_route(server: Server) -> None:
    def refused() -> float:
        lines = server.get("/metrics").body.decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        assert values["quotetune_work"] == "0.0"
        return float(values.get('quotetune_requests_total{route="/cite",status="422"}', 0))

    before = refused()
    server.post("/cite", {"texts": 1})
    wait_until(lambda: refused() == before + 1)


def test_no_answer_was_an_error_of_the_server(server: Server) -> None:
    assert {line["status"] for line in server.lines()} <= {200, 400, 404, 405, 422}
    assert "Traceback" not in server.errors.read_text()
