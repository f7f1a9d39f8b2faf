"""The server while its index is replaced, and when it or a worker ends."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from http_server import Server, read_to_end, serving
from processes import wait_until
from quotetune import add, build_index

BODY = json.dumps({"texts": ["banana split number 0", "banana"]}).encode()
HEADERS = {"content-type": "application/json"}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    build_index(["banana split number 0"], tmp_path / "index", n=6)
    return tmp_path / "index"


def ask_until(server: Server, end: threading.Event, answers: list[tuple[int, bytes]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    while not end.is_set():
        connection.request("POST", "/trace", BODY, HEADERS)
        response = connection.getresponse()
        answers.append((response.status, response.read()))


def test_an_index_that_is_replaced_is_used_at_once_and_no_request_fails(
    tmp_path: Path, index: Path
) -> None:
    with serving(tmp_path, index, "--rate", 1_000_000) as server:
        end = threading.Event()
        answers: list[tuple[int, bytes]] = []
        asking = [threading.Thread(target=ask_until, args=(server, end, answers)) for _ in range(3)]
        for thread in asking:
            thread.start()
        for number in range(1, 21):
            if number % 4:
                documents = ["banana split number 0"] * number
                build_index(documents, index, n=6, overwrite=True)
            else:
                add(index, [{"text": "banana split number 0", "id": f"new {number}"}])
            [whole, part] = server.post("/trace", json.loads(BODY)).json["results"]
            assert whole["quotes"][0]["count"] == part["quotes"][0]["count"] == number
        end.set()
        for thread in asking:
            thread.join()
        assert len(answers) > 20 and {status for status, _ in answers} == {200}
        for _, body in answers:  # both texts of a request are answered by the same index
            [whole, part] = json.loads(body)["results"]
            assert whole["quotes"][0]["count"] == part["quotes"][0]["count"]
        assert server.errors.read_text().count("\n") == 1


def test_a_damaged_index_is_not_used_and_the_older_one_answers(tmp_path: Path, index: Path) -> None:
    with serving(tmp_path, index) as server:
        assert server.post("/score", json.loads(BODY)).status == 200
        (index / "manifest.json").write_text("{}")
        for _ in range(3):
            assert server.post("/score", json.loads(BODY)).status == 200
        assert server.errors.read_text().count("warning: ") == 1
        for file in index.iterdir():
            os.truncate(file, 0)
        cut = server.post("/trace", json.loads(BODY))
        assert cut.status == 503
        assert cut.json["error"] == "the index index cannot be read: look into the server's log"
        assert server.errors.read_text().count("error: index index: ") == 1


def begun(server: Server):
    """Begin a request: the server has its head and waits for its body."""
    connection = server.connect()
    head = f"POST /score HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(BODY)}\r\n"
    more = "content-type: application/json\r\nexpect: 100-continue\r\n\r\n"
    connection.sendall((head + more).encode())
    assert b" 100 " in connection.recv(1 << 16)
    return connection


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_finishes_a_request_that_has_begun(tmp_path, index: Path, workers: int) -> None:
    options = ["--workers", workers, "--receive-timeout", 60]
    with serving(tmp_path, index, *options) as server, begun(server) as connection:
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not server.listens())
        connection.sendall(BODY)
        answer = read_to_end(connection)
        assert answer.startswith(b"HTTP/1.1 200 ") and b'"results":[{"numerator"' in answer
        assert server.process.wait(60) == 0
        assert server.lines()[-1]["status"] == 200


def test_the_garbage_collector_has_nothing_of_the_start_to_look_at(index: Path) -> None:
    """A full collection stops all requests, so it must only see what requests make."""
    script = f"""
import gc, uvicorn
from quotetune.serve import worker
from quotetune.serve.settings import Settings
from quotetune.serve.shared import new_counts
def run(server, sockets):
    print(len(gc.get_objects()), gc.get_freeze_count())
uvicorn.Server.run = run
worker.run(Settings({{"index": {str(index)!r}}}), None, new_counts())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    seen, kept = map(int, done.stdout.split())
    assert seen < 500 < 20_000 < kept


def test_workers_die_with_their_parent_and_one_that_dies_is_started_again(
    tmp_path: Path, index: Path
) -> None:
    options = ["--workers", 2, "--trusted-proxy", "127.0.0.1"]
    with serving(tmp_path, index, *options) as server:
        assert server.get("/healthz", x_forwarded_for="203.0.113.9").status == 200
        dead = server.line(client="203.0.113.9")["pid"]
        os.kill(dead, signal.SIGKILL)
        wait_until(lambda: "starting it again" in server.errors.read_text())

        def two_others_answer() -> bool:
            assert server.get("/healthz").status == 200
            return len({line["pid"] for line in server.lines()} - {dead}) == 2

        wait_until(two_others_answer)
        server.process.kill()
        wait_until(lambda: not server.listens())
