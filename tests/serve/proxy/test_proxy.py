"""`quotetune serve --upstream` between a client and a model: what passes, and what does not."""

import json
import socket
import time
from collections.abc import Iterator
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
    flat,
    head,
    whole,
)
from http_server import Server, serving
from processes import wait_until
from quotetune import UsageError, build_index
from quotetune.serve.settings import Settings, read_key
from quotetune.serve.upstream import Upstream
from served_chats import CHAT, FOX, SAID, request_of, serving_chats

TOKEN = "0123456789abcdef0123"
KEY = "sk-up"
BODY = {"model": "m", "messages": [{"role": "user", "content": "Tell me of the fox."}]}
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("proxy")
    build_index(["nothing of it"], folder / "other")
    (folder / "token").write_text(TOKEN)
    (folder / "key").write_text(KEY + "\n")
    (folder / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    options = ["--upstream-key-file", folder / "key", "--auth-token-file", folder / "token"]
    options += ["--rate", 100_000, "--timeout", 2]
    with pytest.MonkeyPatch.context() as patch:
        for name in PROXIES:
            patch.setenv(name, "http://127.0.0.1:1")
        patch.delenv("NO_PROXY", raising=False)
        patch.delenv("no_proxy", raising=False)
        patch.setenv("NETRC", str(folder / "netrc"))
        with serving_chats(folder, upstream, folder / "other", *options) as server:
            yield server


@pytest.fixture(autouse=True)
def nothing_received(upstream: FakeUpstream) -> None:
    upstream.received.clear()


def ask(server: Server, body: Any = BODY, query: str = "", **headers: str) -> Any:
    return server.post(CHAT + query, body, authorization=f"Bearer {TOKEN}", **headers)


def cited(server: Server, text: str) -> list[dict[str, Any]]:
    answer = server.post("/cite", {"texts": [text]}, authorization=f"Bearer {TOKEN}")
    return flat(answer.json["results"][0]["citations"])


def test_a_whole_answer_passes_with_the_citations_of_cite(server, upstream) -> None:
    given = completion(SAID, "No quote.", None, usage={"total_tokens": 7}, unknown=[1, {"a": None}])
    upstream.answers(whole(given))
    answer = ask(server)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    found = answer.json
    [first, second, third] = [choice["message"] for choice in found["choices"]]
    assert first.pop("citations") == cited(server, SAID) != []
    assert second.pop("citations") == [] and "citations" not in third
    assert found == given
    [received] = upstream.received
    assert received.line == "POST /v1/chat/completions HTTP/1.1"
    assert received.body == json.dumps(BODY).encode()


def test_a_streamed_answer_passes_byte_by_byte_with_citations_among_its_chunks(
    server, upstream
) -> None:
    call = {"index": 0, "function": {"name": "f", "arguments": '{"a": "\\u00e9"}'}}
    events = [
        event(chunk("", 0)),
        event(chunk(SAID[:30], 0)),
        event({"id": "chat-1", "choices": [{"index": 1, "delta": {"tool_calls": [call]}}]}),
        event(chunk(SAID[30:], 0)),
        event(chunk(None, 1, "tool_calls")),
        event(chunk(None, 0, "stop")),
        event({"id": "chat-1", "choices": [], "usage": {"total_tokens": 9}}),
        DONE,
    ]
    upstream.answers(STREAM, *events)
    answer = ask(server, BODY | {"stream": True})
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-accel-buffering"] == "no"
    rest = answer.body
    for one in events:
        assert one in rest
        rest = rest.replace(one, b"", 1)
    own = data_of(rest)
    assert [set(data) for data in own] == [{"id", "object", "model", "choices"}] * len(own)
    found = [one for data in own for one in data["choices"][0]["delta"]["citations"]]
    assert found == cited(server, SAID)
    assert answer.body.index(rest[:20]) < answer.body.index(events[5])


def test_footnotes_are_asked_for_in_the_query_and_taken_off_the_history(server, upstream) -> None:
    upstream.answers(whole(completion(SAID)))
    message = ask(server, BODY, "?footnotes=true").json["choices"][0]["message"]
    expected = server.post("/cite", {"texts": [SAID]}, authorization=f"Bearer {TOKEN}").json
    [result] = expected["results"]
    assert message["content"].startswith(result["cited"] + "\n\n[//]: # (")
    assert message["content"].endswith(result["footnotes"][-1])
    stream = [event(chunk(SAID, 0)), event(chunk(None, 0, "stop")), DONE]
    upstream.answers(STREAM, *stream)
    chunks = data_of(ask(server, BODY | {"stream": True}, "?footnotes=true").body)
    text = "".join(data["choices"][0]["delta"].get("content", "") for data in chunks[:-1])
    assert text.startswith(SAID + "\n\n[//]: # (") and '\n1. "' in text
    history = [
        {"role": "assistant", **message},
        {"role": "assistant", "content": text},
        {"role": "assistant", "content": [{"type": "text", "text": text}]},
        {"role": "user", "content": text},
    ]
    upstream.received.clear()
    ask(server, {"messages": history, "seed": 5, "unknown": {"kept": 0.10}}, "?footnotes=true")
    [received] = upstream.received
    assert received.line == "POST /v1/chat/completions HTTP/1.1"
    assert received.json == {
        "messages": [
            {"role": "assistant", "content": SAID},
            {"role": "assistant", "content": SAID},
            {"role": "assistant", "content": [{"type": "text", "text": SAID}]},
            {"role": "user", "content": text},
        ],
        "seed": 5,
        "unknown": {"kept": 0.10},
    }


def test_only_harmless_headers_go_upstream_and_the_token_never_does(server, upstream) -> None:
    upstream.answers(whole(completion(SAID)))
    ask(
        server,
        cookie="session=1",
        x_api_key=TOKEN,
        openai_organization="org",
        x_forwarded_for="192.0.2.1",
        forwarded="for=192.0.2.1",
        origin=f"http://127.0.0.1:{server.port}",
        user_agent="client/1",
        accept_encoding="gzip, br",
        proxy_authorization=f"Bearer {TOKEN}",
        x_request_id="r-17",
        traceparent="00-1-2-01",
    )
    [received] = upstream.received
    ours = {"host", "connection", "content-length", "content-type", "accept", "accept-encoding"}
    passed = {"x-request-id", "traceparent"}
    assert received.names == ours | passed | {"user-agent", "authorization"}
    assert received.header("authorization") == f"Bearer {KEY}"
    assert received.header("x-request-id") == "r-17"
    assert received.header("user-agent").startswith("quotetune/")
    assert received.header("accept-encoding") == "identity"
    assert TOKEN not in repr(received)


def test_only_harmless_headers_come_back_and_no_cookie_is_kept(server, upstream) -> None:
    headers = {"Set_Cookie": "a=b", "Server": "x", "Access_Control_Allow_Origin": "*"}
    upstream.answers(whole(completion("a"), x_request_id="u-1", Retry_After="3", **headers))
    answer = ask(server)
    ours = {"content-length", "content-type", "date", "x-content-type-options", "cache-control"}
    assert {name.lower() for name in answer.headers} == ours | {"x-request-id", "retry-after"}
    assert answer.headers["x-request-id"] == "u-1"
    ask(server)
    assert "cookie" not in upstream.received[-1].names


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("path", [CHAT, "/v1/models"])
def test_a_redirect_is_refused_and_not_followed(server, upstream, status: str, path: str) -> None:
    upstream.answers(head("text/html", status, location=f"{upstream.url}/elsewhere"))
    method = "POST" if path == CHAT else "GET"
    body = json.dumps(BODY).encode()
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    answer = server.ask(method, path, body, headers)
    assert answer.status == 502 and "redirects" in answer.json["error"]
    assert len(upstream.received) == 1


def test_the_models_are_those_of_the_upstream(server, upstream) -> None:
    upstream.answers(b"", whole({"object": "list", "data": [{"id": "m"}]}, Set_Cookie="a=b"))
    answer = server.get("/v1/models", authorization=f"Bearer {TOKEN}")
    assert (answer.status, answer.json["data"][0]["id"]) == (200, "m")
    assert "set-cookie" not in {name.lower() for name in answer.headers}
    [received] = upstream.received
    assert (received.line, received.body) == ("GET /v1/models HTTP/1.1", b"")
    assert received.header("authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CHAT, 405),
        ("POST", "/v1/models", 405),
        ("POST", "/v1/completions", 404),
        ("POST", "/v1/embeddings", 404),
        ("GET", "/v1/models/m", 404),
        ("POST", "/v1/chat/completions/../files", 404),
        ("GET", "/v1/%2e%2e/admin", 404),
        ("DELETE", "/v1/models", 405),
    ],
)
def test_nothing_else_is_forwarded(server, upstream, method: str, path: str, status: int) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    assert server.ask(method, path, b"{}", headers).status == status
    assert upstream.received == []


def test_the_gate_holds_for_chats(server, upstream) -> None:
    assert server.post(CHAT, BODY).status == 401
    assert server.post(CHAT, BODY, authorization=f"Bearer {KEY}").status == 401
    assert server.get("/v1/models").status == 401
    assert ask(server, host="evil.example").status == 403
    assert ask(server, origin="https://evil.example").status == 403
    assert ask(server, content_type="text/plain").status == 415
    assert ask(server, b" " * (5 << 20)).status == 413
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"n": ' + b"9" * 5000 + b"}"):
        assert ask(server, body).status == 422
    assert ask(server, BODY, "?index=nothing").status == 404
    assert ask(server, BODY, "?footnotes=perhaps").status == 422
    assert upstream.received == []


def test_another_index_cites_by_its_own_documents(server, upstream) -> None:
    upstream.answers(whole(completion(SAID)))
    [choice] = ask(server, BODY, "?index=other").json["choices"]
    assert choice["message"]["citations"] == []


def test_a_client_that_goes_away_ends_the_request_upstream(server, upstream) -> None:
    request = request_of(json.dumps(BODY).encode(), authorization=f"Bearer {TOKEN}")
    for start, marker in (
        (b"", b""),  # nothing has been answered
        (STREAM + event(chunk("abc")), b"abc"),
        (head("application/json") + b"{", b""),
    ):
        upstream.received.clear()
        upstream.answers_without_end(start)
        with server.connect() as connection:
            connection.sendall(request)
            received = b""
            while marker not in received:
                received += connection.recv(1 << 16)
            wait_until(lambda: len(upstream.received) == 1)
            assert not upstream.departed.is_set()
            connection.shutdown(socket.SHUT_RDWR)
        assert upstream.departed.wait(60), start
    gone = "the client went away"
    redirects = sum("redirects" in line.get("problem", "") for line in server.lines())
    wait_until(lambda: sum(line.get("problem") == gone for line in server.lines()) >= 3)
    assert (
        sum("problem" in line for line in server.lines() if line["path"] == CHAT) == 3 + redirects
    )

    def nothing_is_in_work() -> bool:
        text = server.get("/metrics", authorization=f"Bearer {TOKEN}").body.decode()
        return "\nquotetune_work 0.0\n" in text

    wait_until(nothing_is_in_work)


def test_a_stream_may_be_longer_than_the_time_for_an_answer(server, upstream) -> None:
    """The server has a time-out of two seconds; the sleeps are not what is measured."""

    def script(connection: socket.socket) -> None:
        connection.sendall(STREAM)
        for _ in range(6):
            time.sleep(0.5)
            connection.sendall(event(chunk("abc ")))
        connection.sendall(DONE)

    upstream.script = script
    answer = ask(server, BODY | {"stream": True})
    assert answer.body.endswith(DONE) and b"error" not in answer.body


def test_a_chat_is_one_line_of_the_log_without_its_text(server, upstream) -> None:
    upstream.answers(whole(completion("a secret of the model", SAID)))
    ask(server, {"messages": [{"role": "user", "content": "a secret of the user"}]})
    line = server.line(characters=len("a secret of the model") + len(SAID))
    assert (line["path"], line["status"], line["texts"], line["index"]) == (CHAT, 200, 2, "index")
    said = server.log.read_text() + server.errors.read_text()
    assert "secret" not in said and TOKEN not in said and KEY not in said


def test_the_description_has_the_routes_of_chats(server: Server) -> None:
    paths = server.get("/openapi.json", authorization=f"Bearer {TOKEN}").json["paths"]
    assert {"/v1/chat/completions", "/v1/models"} < set(paths)


def test_nothing_was_an_error_of_the_server(server: Server) -> None:
    assert {line["status"] for line in server.lines()} <= {
        *(200, 401, 403, 404, 405, 413, 415, 422, 499, 502)
    }
    assert "Traceback" not in server.errors.read_text()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8001",
        "ftp://a/v1",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@a/v1",
        "http://a/v1?key=1",
        "http://a/v1#b",
        "http://a:0/v1",
        "http://a:99999",
        "http://[::1/v1",
        "http://a b/v1",
        "http://a\n/v1",
        "http://é/v1",
    ],
)
def test_an_address_that_is_none_is_a_usage_error_and_no_password_is_shown(url: str) -> None:
    with pytest.raises(UsageError, match="--upstream") as error:
        Upstream(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("url", ["http://a", "http://a/", "http://a/v1", "http://a/v1/"])
def test_the_address_is_with_or_without_its_version(url: str) -> None:
    assert Upstream(url).at("/v1/models") == "http://a/v1/models"


def test_options_that_make_no_sense_are_usage_errors(quotetune, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--upstream-timeout is 0"):
        Upstream("http://a", seconds=0)
    (tmp_path / "key").write_text("two words")
    with pytest.raises(UsageError, match="not one key"):
        read_key(tmp_path / "key")
    with pytest.raises(UsageError, match="cannot be read"):
        read_key(tmp_path / "nothing")
    status, _, error = quotetune("serve", "index", "--upstream-key-file", tmp_path / "key")
    assert status == 2 and "without --upstream" in error


def test_the_upstream_survives_the_way_to_a_worker_and_its_key_is_not_shown() -> None:
    settings = Settings({"a": "b"}, upstream=Upstream("http://a", key="secret", seconds=7))
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert "secret" not in repr(settings)


def test_without_an_upstream_there_are_no_chats(tmp_path: Path) -> None:
    build_index([FOX], tmp_path / "index")
    with serving(tmp_path, tmp_path / "index") as server:
        assert server.post(CHAT, BODY).status == 404
        assert "/v1/models" not in server.get("/openapi.json").json["paths"]
