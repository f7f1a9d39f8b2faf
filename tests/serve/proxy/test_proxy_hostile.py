"""An upstream that does anything: the client gets a clear error, and the server stays as it was."""

import gzip
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fake_upstream import (
    DONE,
    STREAM,
    FakeUpstream,
    chunk,
    completion,
    data_of,
    event,
    head,
    whole,
)
from http_server import Server, read_to_end, serving
from processes import wait_until
from quotetune import build_index
from served_chats import CHAT, FOX, request_of, serving_chats

BODY: dict[str, Any] = {"messages": []}
MOST = 200_000
JSON = head("application/json")
OPTIONS = ["--rate", 100_000, "--max-body", "200KB", "--max-work", 6, "--max-chars", 50_000]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hostile")
    with serving_chats(folder, upstream, *OPTIONS, "--upstream-timeout", 1) as server:
        yield server


def dripping(start: bytes, drop: bytes, times: int, end: bytes = b"") -> Any:
    def script(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(times):
            time.sleep(0.25)
            connection.sendall(drop)
        connection.sendall(end)

    return script


BAD = {
    "closes": (b"", 502, "breaks off"),
    "no HTTP": (b"hello\r\n\r\n", 502, "does not speak HTTP"),
    "a header of megabytes": (b"HTTP/1.1 200 OK\r\nx: " + b"y" * (1 << 20), 502, "HTTP"),
    "a line that is no header": (b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n", 502, "HTTP"),
    "another protocol": (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", 502, "speak HTTP"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", 502, "status 204"),
    "an HTML page": (head("text/html") + b"<script>", 502, "content type"),
    "no content type": (b"HTTP/1.1 200 OK\r\n\r\n{}", 502, "content type"),
    "half a JSON": (JSON + b'{"choices": [', 502, "not a JSON object"),
    "a list": (JSON + b"[]", 502, "not a JSON object"),
    "no UTF-8": (JSON + b'{"a": "\xff"}', 502, "not a JSON object"),
    "UTF-16": (JSON + '{"a": 1}'.encode("utf-16"), 502, "not a JSON object"),
    "a deep JSON": (JSON + b"[" * 100_000, 502, "not a JSON object"),
    "a long number": (JSON + b'{"a": ' + b"9" * 5000 + b"}", 502, "not a JSON object"),
    "more than it may": (JSON + b'{"a": "' + b"x" * 300_000 + b'"}', 502, f"than {MOST} bytes"),
    "less than it said": (head("application/json", content_length="99") + b"{", 502, "breaks off"),
    "gzip": (
        head("application/json", content_encoding="gzip") + gzip.compress(b"{}"),
        502,
        "compr",
    ),
    "no number of bytes": (
        head("application/json", transfer_encoding="chunked") + b"zz\r\n{}\r\n",
        502,
        "breaks off",
    ),
    "401": (whole({"error": "no key"}, "401 No"), 502, "--upstream-key-file"),
    "403": (whole({"error": "no key"}, "403 No"), 502, "--upstream-key-file"),
    "404 in HTML": (head("text/html", "404 No") + b"<html>", 502, "status 404"),
    "500 in HTML": (head("text/html", "500 Oh") + b"<html>", 502, "status 500"),
    "500 in broken JSON": (head("application/json", "500 Oh") + b"{", 502, "status 500"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("path", [CHAT, "/v1/models"])
def test_an_answer_that_is_no_good_is_a_clear_error(server, upstream, bad: str, path: str) -> None:
    sent, status, part = BAD[bad]
    upstream.answers(sent)
    answer = server.post(path, BODY) if path == CHAT else server.get(path)
    if path != CHAT and "not a JSON object" in part:
        return  # the body of this route is passed on unread
    assert (answer.status, part in answer.json["error"]) == (status, True), answer.body
    assert answer.headers["content-type"] == "application/json" and len(answer.body) < 300


PASSED = [(400, 400), (404, 404), (422, 422), (429, 429), (500, 502), (503, 503), (504, 504)]


@pytest.mark.parametrize(("status", "expected"), PASSED)
def test_what_the_upstream_says_about_a_request_is_passed_on(
    server, upstream, status: int, expected: int
) -> None:
    problem = {"error": {"message": "the prompt is too long", "code": status}}
    upstream.answers(whole(problem, f"{status} No", retry_after="7"))
    answer = server.post(CHAT, BODY)
    assert (answer.status, answer.json) == (expected, problem)
    assert answer.headers["retry-after"] == "7"


SILENT = {
    "nothing": (b"", b""),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-ty", b""),
    "half a JSON": (JSON + b'{"a": ', b""),
    "a head byte by byte": (b"HTTP/1.1 200 OK\r\nx: ", b"y"),
    "continue, continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


def test_an_upstream_that_is_silent_is_given_up_and_drops_of_a_head_are_silence(
    server, upstream
) -> None:
    for name, (start, drop) in SILENT.items():
        upstream.script = dripping(start, drop, 20)
        answer = server.post(CHAT, BODY)
        assert (answer.status, "silent" in answer.json["error"]) == (504, True), name


def test_an_answer_that_comes_slowly_is_not_silent(server, upstream) -> None:
    text = json.dumps(completion("abc")).encode()
    upstream.script = dripping(JSON + text[:-1], b" ", 8, text[-1:])
    assert server.post(CHAT, BODY).json["choices"][0]["message"]["citations"] == []
    upstream.script = dripping(STREAM, b": still here\n\n", 8, event(chunk("abc")) + DONE)
    assert server.post(CHAT, BODY).body.endswith(event(chunk("abc")) + DONE)


def test_nobody_listening_is_a_clear_error(tmp_path: Path) -> None:
    build_index([FOX], tmp_path / "index")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        options = ["--upstream", f"http://127.0.0.1:{free.getsockname()[1]}"]
        with serving(tmp_path, tmp_path / "index", *options) as server:
            answer = server.post(CHAT, BODY)
            assert (answer.status, "cannot be reached" in answer.json["error"]) == (502, True)
            assert str(free.getsockname()[1]) not in answer.json["error"]
            assert "cannot be reached" in server.line(path=CHAT)["problem"]


FIRST = event(chunk(FOX))
CHUNKED = head("text/event-stream", transfer_encoding="chunked")
BROKEN_STREAMS = {
    "silence": (STREAM + FIRST, 504, "silent"),
    "a line without end": (STREAM + FIRST + b"data: " + b"x" * 300_000, 502, "more than"),
    "one huge chunk": (
        CHUNKED + b"%x\r\n" % (len(FIRST) + (1 << 30)) + FIRST + b"data: " + b"x" * (1 << 20),
        502,
        "more than",
    ),
    "no number of bytes": (CHUNKED + b"%x\r\n" % len(FIRST) + FIRST + b"\r\nzz\r\n", 502, "breaks"),
    "an endless size": (
        CHUNKED + b"%x\r\n" % len(FIRST) + FIRST + b"\r\n" + b"0" * 300_000,
        502,
        "",
    ),
    "broken JSON": (STREAM + FIRST + b"data: {\n\n", 502, "not a JSON object"),
    "HTML": (STREAM + FIRST + b"data: <html>\n\n", 502, "not a JSON object"),
}


@pytest.mark.parametrize("broken", BROKEN_STREAMS)
def test_a_stream_that_goes_wrong_ends_with_an_event_that_says_so(
    server, upstream, broken: str
) -> None:
    sent, code, part = BROKEN_STREAMS[broken]
    upstream.answers_without_end(sent)
    answer = server.post(CHAT, BODY)
    assert answer.status == 200
    *chunks, error = data_of(answer.body)
    assert chunks[0] == chunk(FOX)
    assert error["error"]["code"] == code and part in error["error"]["message"]
    assert upstream.departed.wait(60)


def test_a_stream_that_is_compressed_ends_with_an_error(server, upstream) -> None:
    upstream.answers(head("text/event-stream", content_encoding="gzip"), gzip.compress(FIRST))
    [error] = data_of(server.post(CHAT, BODY).body)
    assert "compresses" in error["error"]["message"]


def test_markup_in_an_answer_stays_json_that_no_browser_takes_for_a_page(server, upstream) -> None:
    markup = "<script>alert(1)</script>\u2028</pre>\r\n\r\ndata: {}\r\n\r\n" + FOX
    upstream.answers(STREAM, event(chunk(markup)), event(chunk(None, 0, "stop")), DONE)
    answer = server.post(CHAT, BODY)
    assert answer.headers["x-content-type-options"] == "nosniff"
    first, own, _, done = data_of(answer.body)
    assert first == chunk(markup) and done == "[DONE]"
    [citation] = own["choices"][0]["delta"]["citations"]
    assert markup[citation["start"] : citation["end"]].strip() == FOX
    upstream.answers(whole(completion(markup), x_request_id="<b>"))
    assert server.post(CHAT, BODY).headers["content-type"] == "application/json"


ENDLESS = {
    "text": event(chunk("abc " * 20)) * 100,
    "comments": b": nothing\n\n" * 1000,
    "empty lines": b"\n" * 10_000,
    "choices": b"".join(event(chunk("abc", number)) for number in range(500)),
    "large events": event(chunk(None, 0, None, logprobs="x" * 150_000)),
    "events without data": b"event: x\nid: y\n\n" * 1000,
}


@pytest.mark.parametrize("endless", ENDLESS)
def test_a_stream_without_end_takes_no_memory(server, upstream, endless: str) -> None:
    upstream.answers_without_end(STREAM, ENDLESS[endless])
    before = memory(server)
    with server.connect() as connection:
        connection.sendall(request_of())
        received = 0
        while received < 20 << 20:
            piece = connection.recv(1 << 20)
            assert piece, "the stream ended"
            received += len(piece)
    assert upstream.departed.wait(60)
    assert memory(server) - before < 16 << 20


def memory(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) << 10


def test_a_chat_holds_a_place_and_half_of_the_places_are_for_others(server, upstream) -> None:
    upstream.answers_without_end(STREAM + FIRST, b": still here\n\n")
    connections = [server.connect() for _ in range(3)]
    for connection in connections:
        connection.sendall(request_of())
        assert b" 200 " in connection.recv(1 << 16)
    refused = server.post(CHAT, BODY)
    assert refused.status == 503 and "3 requests are in work" in refused.json["error"]
    assert refused.headers["Retry-After"] == "1"
    assert server.get("/v1/models").status == 503
    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(lambda _: server.post("/score", {"texts": ["abc"]}).status, range(3))
        assert set(answers) == {200}
    for connection in connections:
        connection.close()
    upstream.answers(whole(completion("abc")))
    wait_until(lambda: server.post(CHAT, BODY).status == 200)


def test_an_index_that_breaks_leaves_the_answer(tmp_path: Path, upstream) -> None:
    """The files are cut while the index is open, as by a copy that goes wrong."""
    with serving_chats(tmp_path, upstream) as server:
        assert server.post("/cite", {"texts": [FOX]}).status == 200  # the index is open
        for file in (tmp_path / "index").rglob("*"):
            if file.is_file() and file.suffix != ".json":
                with file.open("r+b") as cut:
                    cut.truncate(10)
        upstream.answers(whole(completion(FOX)))
        message = server.post(CHAT, BODY).json["choices"][0]["message"]
        assert message["content"] == FOX and "cannot be read" in message["citations_error"]
        upstream.answers(STREAM, FIRST, event(chunk(None, 0, "stop")), DONE)
        chunks = data_of(server.post(CHAT, BODY).body)
        own = [data for data in chunks[:-1] if "citations_error" in data["choices"][0]["delta"]]
        assert len(own) == 1 and len(chunks) == 4 and chunks[-1] == "[DONE]"


def test_a_server_that_ends_tells_the_chats_that_it_cuts_off(tmp_path: Path, upstream) -> None:
    times = ["--timeout", 0.5, "--receive-timeout", 0.5]
    with serving_chats(tmp_path, upstream, *times) as server:
        connections = []
        for start in (STREAM + FIRST, b""):
            upstream.received.clear()
            upstream.answers_without_end(start)
            connections.append(server.connect())
            connections[-1].sendall(request_of())
            wait_until(lambda: len(upstream.received) == 1)
        assert FIRST in read_some(connections[0], FIRST)
        server.process.terminate()
        for connection, status in zip(connections, (b"", b" 503 "), strict=True):
            answer = read_to_end(connection)
            assert b"the server ends" in answer and status in answer
        server.process.wait(60)
        assert "Traceback" not in server.errors.read_text()


def read_some(connection: socket.socket, marker: bytes) -> bytes:
    received = b""
    while marker not in received:
        received += connection.recv(1 << 16)
    return received


def test_nothing_was_an_error_of_the_server(server: Server) -> None:
    assert 500 not in {line["status"] for line in server.lines()}
    assert "Traceback" not in server.errors.read_text()
