"""`quotetune serve` in a process of its own, and a client for it that hides nothing."""

import http.client
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import wait_until

_SECONDS = 60


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    errors: Path

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        given = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, given, {"content-type": "application/json", **headers})

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=_SECONDS)

    def line(self, **fields: Any) -> dict[str, Any]:
        """The first line of the log with these fields; it is written after the answer is sent."""
        found: list[dict[str, Any]] = []

        def has_come() -> bool:
            found[:] = [line for line in self.lines() if fields.items() <= line.items()]
            return bool(found)

        wait_until(has_come)
        return found[0]

    def lines(self) -> list[dict[str, Any]]:
        """The lines of the log so far; the last may be half written."""
        *lines, _ = self.log.read_text().split("\n")
        return [json.loads(line) for line in lines]

    def listens(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True


@contextmanager
def serving(folder: Path, *arguments: object) -> Iterator[Server]:
    """Run a server on a free port until the end."""
    log, errors = folder / "log", folder / "errors"
    command = [sys.executable, "-m", "quotetune", "serve", *map(str, arguments), "--port", "0"]
    with log.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
    try:
        wait_until(lambda: "listening" in errors.read_text() or process.poll() is not None)
        said = errors.read_text()
        address = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        assert address is not None, said
        yield Server(process, int(address[1]), log, errors)
    finally:
        process.terminate()
        process.wait(_SECONDS)


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    received = b""
    while piece := connection.recv(1 << 16):
        received += piece
    return received
