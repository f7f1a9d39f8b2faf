"""An upstream with which no chat can go well is refused before anything listens."""

import socket
from contextlib import suppress
from pathlib import Path

import pytest

import command_line
from fake_upstream import completion, fake_upstream, whole
from finished_run import write_run
from http_server import serving
from quotetune import build_index
from quotetune.serve.own_address import is_own_address
from served_chats import CHAT, FOX

HOSTS = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "localhost", "::1", "::"]
# Some forms are those of the C library: 127.1 and 0 are addresses, too.
ASKED = ["127.0.0.1", "127.0.0.2", "127.1", "0", "0.0.0.0", "localhost", "LOCALHOST", "[::1]"]
ASKED += ["[::]", "[::ffff:127.0.0.1]", "2130706433", socket.gethostname(), "nobody.invalid"]


def reaches(asked: str, port: int) -> bool:
    with suppress(OSError):
        socket.create_connection((asked.strip("[]"), port), timeout=10).close()
        return True
    return False


@pytest.mark.parametrize("host", HOSTS)
def test_every_address_that_leads_to_the_server_is_its_own(host: str) -> None:
    """A socket listens where the server would, and connections say what leads to it."""
    try:
        family, *_, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family)
    except OSError:
        pytest.skip(f"this machine has no address {host}")
    with listening:
        port = listening.getsockname()[1]
        for asked in ASKED:
            own = is_own_address(f"http://{asked}:{port}/v1", host, port)
            assert own or not reaches(asked, port), asked
            assert not is_own_address(f"http://{asked}:{port + 1}/v1", host, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::1", "::"])
@pytest.mark.parametrize("asked", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]"])
def test_the_usual_addresses_of_this_machine_are_one(host: str, asked: str) -> None:
    assert is_own_address(f"http://{asked}:8000/v1", host, 8000)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://127.0.0.2:8000", "127.0.0.1", 8000),
        ("http://127.0.0.1:8000", "127.0.0.2", 8000),
        ("http://192.0.2.7:8000", "127.0.0.1", 8000),
        ("http://192.0.2.7:8000", "0.0.0.0", 8000),
        ("http://192.0.2.7:8000", "192.0.2.8", 8000),
        ("http://127.0.0.1:8000", "192.0.2.8", 8000),
        ("http://127.0.0.1:8000", "127.0.0.1", 0),
        ("http://nobody.invalid:8000", "127.0.0.1", 8000),
    ],
)
def test_other_addresses_are_of_others(url: str, host: str, port: int) -> None:
    assert not is_own_address(url, host, port)


def test_the_port_may_be_that_of_the_scheme() -> None:
    assert is_own_address("http://localhost/v1", "127.0.0.1", 80)
    assert is_own_address("https://localhost/v1", "127.0.0.1", 443)
    assert not is_own_address("https://localhost/v1", "127.0.0.1", 80)


def test_a_server_that_would_ask_itself_does_not_start(tmp_path: Path) -> None:
    build_index([FOX], tmp_path / "index")
    url = "http://localhost:8000/v1"
    result = command_line.quotetune("serve", tmp_path / "index", "--upstream", url)
    part = f"--upstream {url}: the address of this server itself: give that of the model's server"
    command_line.assert_fails(result, 2, part)


def test_the_index_that_cites_by_default_must_find_quotes(tmp_path: Path) -> None:
    build_index([FOX], tmp_path / "scores", structures="bloom")
    build_index([FOX], tmp_path / "lean", structures=["bloom", "lean"])
    with fake_upstream() as upstream:
        result = command_line.quotetune(
            "serve", tmp_path / "scores", tmp_path / "lean", "--upstream", upstream.url
        )
        part = "the index scores, which cites by default, has no suffix index, which finds quotes: "
        command_line.assert_fails(result, 2, part + "name another index first, or build it again")
        # Another index may only score, as long as chats do not name it.
        indexes = [tmp_path / "lean", tmp_path / "scores"]
        upstream.answers(whole(completion(FOX)))
        with serving(tmp_path, *indexes, "--upstream", upstream.url) as server:
            message = server.post(CHAT, {}).json["choices"][0]["message"]
            assert message["citations"][0]["quote"] == FOX
            message = server.post(f"{CHAT}?index=scores", {}).json["choices"][0]["message"]
            assert message["content"] == FOX
            assert "no suffix index" in message["citations_error"]
            said = server.errors.read_text()
            assert said.endswith(f" (indexes: lean, scores; upstream: {upstream.url})\n")


def test_the_line_at_the_start_names_the_runs(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs")
    build_index([FOX], tmp_path / "index")
    with serving(tmp_path, tmp_path / "index", "--run", f"first={run}", "--run", run) as server:
        assert server.errors.read_text().endswith(" (indexes: index; runs: first, run)\n")
