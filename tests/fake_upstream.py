"""An upstream of `quotetune serve` that answers what a test tells it, however bad that is."""

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

_SECONDS = 60
Json = dict[str, Any]


@dataclass
class Received:
    line: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.headers}

    def header(self, name: str) -> str:
        return dict(self.headers)[name]


Script = Callable[[socket.socket], None]


@dataclass
class FakeUpstream:
    """Attributes: the script answers a request; `departed` is set when its client goes away."""

    port: int
    script: Script = lambda connection: None
    received: list[Received] = field(default_factory=list)
    departed: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def answers(self, *pieces: bytes) -> None:
        """Send these bytes and close the connection."""

        def script(connection: socket.socket) -> None:
            for piece in pieces:
                connection.sendall(piece)

        self.script = script

    def answers_without_end(self, start: bytes, piece: bytes = b"") -> None:
        """Send a start, and then a piece again and again, or nothing, until the client goes."""
        self.departed.clear()

        def script(connection: socket.socket) -> None:
            with suppress(OSError):
                connection.sendall(start)
                connection.settimeout(None if not piece else 0.001)
                while True:
                    with suppress(TimeoutError):
                        if not connection.recv(1 << 16):
                            break
                    connection.settimeout(_SECONDS)
                    connection.sendall(piece)
                    connection.settimeout(None if not piece else 0.001)
            self.departed.set()

        self.script = script


@contextmanager
def fake_upstream() -> Iterator[FakeUpstream]:
    class Handler(socketserver.StreamRequestHandler):
        timeout = _SECONDS

        def handle(self) -> None:
            line = self.rfile.readline().decode().strip()
            headers = []
            while head := self.rfile.readline().decode("latin-1").strip():
                name, _, value = head.partition(":")
                headers.append((name.lower(), value.strip()))
            length = int(dict(headers).get("content-length", 0))
            if line:
                fake.received.append(Received(line, headers, self.rfile.read(length)))
                with suppress(OSError):
                    fake.script(self.request)

    class Listening(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

    with Listening(("127.0.0.1", 0), Handler) as server:
        fake = FakeUpstream(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()


def head(kind: str, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode()


def whole(answer: Any, status: str = "200 OK", **headers: str) -> bytes:
    return head("application/json", status, **headers) + json.dumps(answer).encode()


STREAM = head("text/event-stream; charset=utf-8")
DONE = b"data: [DONE]\n\n"


def event(chunk: Any) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def chunk(content: str | None, index: int = 0, end: str | None = None, **more: Any) -> Json:
    delta = {} if content is None else {"content": content}
    choice = {"index": index, "delta": delta, "finish_reason": end, **more}
    return {"id": "chat-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def completion(*contents: str | None, **more: Any) -> Json:
    choices = [
        {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for i, text in enumerate(contents)
    ]
    return {"id": "chat-1", "object": "chat.completion", "model": "m", "choices": choices, **more}


def data_of(stream: bytes) -> list[Any]:
    """The JSON values of a stream, in the simple form in which this server writes them."""
    lines = [line.removeprefix("data: ") for line in stream.decode().split("\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def flat(citations: Iterable[Json]) -> list[Json]:
    """The citations of `/cite`, one per quote instead of one per quoted text."""
    entries = [
        {
            "number": note["number"],
            "start": start,
            "end": end,
            "quote": note["text"],
            "count": note["count"],
            "documents": note["documents"],
        }
        for note in citations
        for start, end in note["spans"]
    ]
    return sorted(entries, key=lambda entry: (entry["start"], entry["end"]))
