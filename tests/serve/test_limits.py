"""Bounds hold for the server, whatever its number of workers, and slow clients keep nobody out."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from http_server import Server, read_to_end, serving
from processes import wait_until
from quotetune import build_index
from quotetune.serve import protocol
from quotetune.serve.refusal import Refusal
from quotetune.serve.shared import SharedCounts, new_counts
from quotetune.serve.work import Work

RATE = 20
OPTIONS = ["--workers", 2, "--rate", RATE, "--max-body", "1MB", "--max-texts", 3]
BOUNDS = ["--max-chars", 400_000, "--max-work", 1, "--receive-timeout", 1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("limits")
    build_index(["banana"], folder / "index", n=3)
    with serving(folder, folder / "index", *OPTIONS, *BOUNDS) as server:
        wait_for_both_workers(server)
        yield server


def wait_for_both_workers(server: Server) -> None:
    def have_answered() -> bool:
        assert server.get("/healthz").status == 200
        return len({line["pid"] for line in server.lines()}) == 2

    wait_until(have_answered)


def test_requests_per_second_are_those_to_both_workers(server: Server) -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.get("/indexes"), range(4 * RATE)))
    most = RATE * (1 + time.monotonic() - start) + 1
    allowed = [answer for answer in answers if answer.status == 200]
    assert RATE <= len(allowed) <= most
    refused = [answer for answer in answers if answer.status != 200]
    for answer in refused:
        assert answer.status == 429 and answer.headers["Retry-After"] == "1"
        assert "more than 20 requests per second" in answer.json["error"]
    assert len(refused) >= 4 * RATE - most

    def both_were_asked() -> bool:
        assert server.get("/indexes").status in (200, 429)
        lines = [line for line in server.lines() if line["path"] == "/indexes"]
        return len({line["pid"] for line in lines}) == 2

    wait_until(both_were_asked)  # mostly they were; which one is asked is up to the kernel
    assert server.get("/healthz").status == 200
    time.sleep(1)  # then the client may ask as much as before


def test_a_request_that_is_too_large_is_told_its_bound(server: Server) -> None:
    big = server.post("/score", b" " * 1_000_001)
    assert (big.status, "more than 1000000 bytes" in big.json["error"]) == (413, True)
    many = server.post("/score", {"texts": ["a"] * 4})
    assert (many.status, many.json["error"]) == (413, "4 texts: send at most 3 at a time")
    long = server.post("/score", {"texts": ["a" * 200_000, "b" * 200_001]})
    assert long.status == 413 and "400001 characters" in long.json["error"]
    assert server.post("/score", {"texts": ["a" * 200_000] * 2}).status == 200


def test_a_body_without_a_length_is_bounded_too(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(
            b"POST /score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(20):
            connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        assert b" 413 " in connection.recv(1 << 16).splitlines()[0]


def test_more_work_than_allowed_is_refused_while_it_lasts(server: Server) -> None:
    heavy = {"documents": ["banana " * 50_000]}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: server.post("/quip", heavy), range(6)))
    statuses = [answer.status for answer in answers]
    assert statuses.count(200) >= 1 and set(statuses) == {200, 503}
    refused = answers[statuses.index(503)]
    assert (
        refused.headers["Retry-After"] == "1" and "1 requests are in work" in refused.body.decode()
    )
    wait_until(lambda: server.post("/score", {"texts": ["banana"]}).status == 200)


HEAD = b"POST /score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
SLOW = {
    "nothing": (b"", b""),
    "half a line": (b"POST /sc", b" 408 "),
    "half a head": (HEAD, b" 408 "),
    "half a body": (HEAD + b'content-length: 100\r\n\r\n{"texts', b" 408 "),
    "an endless body": (HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n     \r\n", b" 408 "),
    "empty lines": (b"\r\n\r\n", b" 408 "),
}


def test_clients_that_send_too_slowly_are_cut_off_and_others_are_answered(server: Server) -> None:
    connections = {name: server.connect() for name in SLOW}
    for name, (sent, _) in SLOW.items():
        connections[name].sendall(sent)
    crowd = [server.connect() for _ in range(300)]
    assert server.get("/healthz").status == 200
    for name, (_, status) in SLOW.items():
        answer = read_to_end(connections[name])
        assert status in answer[:20] and bool(answer) == bool(status), name
    for connection in [*connections.values(), *crowd]:
        connection.close()
    wait_until(lambda: sum(line["status"] == 408 for line in server.lines()) == 5)
    assert server.get("/healthz").status == 200


def test_a_client_that_trickles_is_cut_off_too(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD + b"content-length: 100000\r\n\r\n")
        trickling = threading.Event()

        def trickle() -> None:
            while not trickling.wait(0.1):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert b" 408 " in read_to_end(connection)[:20]
        except ConnectionResetError:
            pass  # a byte that came after the end
        finally:
            trickling.set()
            thread.join()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: " + b"x" * 200_000, b" 431 "),
        (b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n", b" 403 "),
        (b"GET /healthz HTTP/1.0\r\n\r\n", b" 403 "),
        (b"hello\r\n\r\n", b" 400 "),
        (b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n", b" 40"),
    ],
)
def test_a_head_that_is_no_good_is_refused(server: Server, head: bytes, status: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(head)
        assert status in connection.recv(1 << 16).splitlines()[0]


def test_metrics_are_those_of_both_workers(server: Server) -> None:
    def are_as_logged() -> bool:
        text = server.get("/metrics").body.decode()
        lines = [line for line in server.lines() if line.get("path") == "/healthz"]
        asked = sum(line["status"] == 200 for line in lines)
        return (
            f'quotetune_requests_total{{route="/healthz",status="200"}} {asked}.0\n' in text
            and "\nquotetune_work 0.0\n" in text
        )

    wait_until(are_as_logged)


def test_a_client_that_does_not_read_its_answer_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "_SECONDS_TO_READ", 0.2)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (50 << 20)})

    async def ask() -> None:
        config = uvicorn.Config(app, log_config=None, lifespan="off")
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        connection = protocol.timely_protocol(5)

        def made() -> asyncio.Protocol:
            return connection(config=config, server_state=state, app_state={})

        server = await loop.create_server(made, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        writer.transport.pause_reading()
        while not state.total_requests:
            await asyncio.sleep(0.01)
        while state.connections:
            await asyncio.sleep(0.01)
        writer.close()
        server.close()

    asyncio.run(ask())


def test_no_answer_was_an_error_of_the_server(server: Server) -> None:
    statuses = {line["status"] for line in server.lines()}
    assert 500 not in statuses
    assert "Traceback" not in server.errors.read_text()


def test_processes_share_the_requests_of_a_client() -> None:
    counts = new_counts()
    script = f"""
from quotetune.serve.shared import SharedCounts
counts = SharedCounts({counts}, 1)
print(sum(counts.may_ask("192.0.2.1", 50, 10.0) for _ in range(500)))
"""
    command = [sys.executable, "-c", script]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[counts]) for _ in range(2)
    ]
    assert sum(int(child.communicate()[0]) for child in children) == 50
    own = SharedCounts(counts, 0)
    assert not own.may_ask("192.0.2.1", 50, 10.0) and own.may_ask("192.0.2.1", 50, 10.1)


def test_a_network_of_ipv6_is_one_client_and_thousands_of_addresses_keep_nobody_out() -> None:
    counts = SharedCounts(new_counts(), 0)
    assert counts.may_ask("2001:db8::1", 1, 10) and not counts.may_ask("2001:db8::2", 1, 10)
    assert counts.may_ask("2001:db8:0:1::1", 1, 10) and counts.may_ask("::ffff:192.0.2.1", 1, 10)
    assert not counts.may_ask("192.0.2.1", 1, 10)
    for number in range(20_000):
        counts.may_ask(f"10.1.{number >> 8}.{number & 255}", 1, 10)
    assert counts.may_ask("192.0.2.3", 1, 10)


def test_work_of_all_workers_counts_and_that_of_a_dead_one_is_cleared() -> None:
    descriptor = new_counts()
    first, second = SharedCounts(descriptor, 0), SharedCounts(descriptor, 1)
    assert first.start_work(2) and second.start_work(2)
    assert not first.start_work(2) and first.working() == 2
    first.clear_work(1)
    assert first.start_work(2)
    first.end_work()
    first.end_work()
    assert second.working() == 0


def test_work_that_takes_too_long_is_refused_and_counts_until_it_ends() -> None:
    counts = SharedCounts(new_counts(), 0)
    end = threading.Event()

    async def ask() -> None:
        work = Work(counts, most=1, seconds=0.05)
        with pytest.raises(Refusal, match=r"more than 0\.05 seconds") as late:
            await work.do(end.wait)
        assert late.value.status == 503
        with pytest.raises(Refusal, match="1 requests are in work"):
            await work.do(end.wait)
        end.set()
        while counts.working():
            await asyncio.sleep(0.01)
        assert await work.do(lambda: 7) == 7

    asyncio.run(ask())
