"""A server between chat clients and an upstream, and the bytes of a request.

The fixture `upstream` of tests/serve/proxy is the other side.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fake_upstream import FakeUpstream
from http_server import Server, serving
from quotetune import build_index

CHAT = "/v1/chat/completions"
FOX = "The quick brown fox jumps over the lazy dog, and nobody was surprised by that."
SAID = f"He saw it: {FOX} It was a sunny day."


@contextmanager
def serving_chats(folder: Path, upstream: FakeUpstream, *arguments: object) -> Iterator[Server]:
    """Serve the fox, and any other arguments of `quotetune serve`, before an upstream."""
    build_index([FOX], folder / "index")
    with serving(folder, folder / "index", *arguments, "--upstream", upstream.url) as server:
        yield server


def request_of(body: bytes = b"{}", **headers: Any) -> bytes:
    """A chat as bytes, for a client that does not wait for its answer."""
    given = {"host": "localhost", "content_type": "application/json", **headers}
    given["content_length"] = len(body)
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return "\r\n".join([f"POST {CHAT} HTTP/1.1", *lines, "", ""]).encode() + body
