"""Joining a Ray cluster, and what is said if that is not possible."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quotetune import UsageError
from quotetune.runtime import ray_cluster
from quotetune.runtime.ray_cluster import check_shared, connected
from ray_nodes import local_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("nodes")
    with local_cluster([folder / "one", folder / "two"]) as cluster:
        yield cluster


def test_ray_is_not_imported_before_it_is_asked_for():
    script = "import sys, quotetune.runtime.ray_cluster; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_cluster_is_joined_and_left(cluster: Any, tmp_path: Path):
    with connected(cluster.address) as ray:
        assert {node["NodeName"] for node in ray.nodes()} == {"node-0", "node-1"}
        check_shared(tmp_path)
    assert not ray.is_initialized()
    assert list(tmp_path.iterdir()) == []


def test_the_address_of_the_environment_is_joined(cluster: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    with connected() as ray:
        assert len(ray.nodes()) == 2


def test_a_process_that_is_connected_stays_connected(cluster: Any):
    with connected(cluster.address) as ray:
        with connected(), connected(cluster.address):
            pass
        assert ray.is_initialized()
        with pytest.raises(UsageError, match="is connected to") as error, connected("other:1"):
            pass
        assert "other:1" in str(error.value)


def test_the_node_that_does_not_see_the_files_is_named(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ray_cluster, "SEEN_SECONDS", 0.0)
    # The processes of each node see another directory under this name, and so does this process.
    here = Path("/proc/self/cwd")
    nodes = [Path(node) for node in (tmp_path / "a", tmp_path / "b")]
    for folder in nodes:
        folder.mkdir()
    with local_cluster([nodes[0], nodes[1]]) as own, connected(own.address):
        monkeypatch.chdir(nodes[0])
        with pytest.raises(UsageError, match=r"node-1 \(") as error:
            check_shared(here)
    assert "does not see" in str(error.value)
    assert [list(folder.iterdir()) for folder in nodes] == [[], []]


def test_a_cluster_of_this_machine_is_started_and_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with connected() as ray:
        assert len(ray.nodes()) == 1
        assert ray.get(ray.remote(os.getppid).remote()) > 0
    assert not ray.is_initialized()


def test_the_handler_of_a_termination_stays_as_it_was(cluster: Any):
    def own(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, own)
    try:
        with connected(cluster.address):
            assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("address", ["ray://host:10001", "host", "host:port", ":6379", "host:"])
def test_an_address_that_is_none_is_refused(address: str):
    with pytest.raises(UsageError, match="is not HOST:PORT"), connected(address):
        pass


def test_an_address_where_nothing_answers_is_refused():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"{address}: no answer"), connected(address):
            pass


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
def test_a_server_that_is_not_ray_is_refused(answer: bytes | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ray_cluster, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                if answer is None:  # It never answers.
                    connection.recv(100)
                else:
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        message = "no answer" if answer is None else "is not Ray"
        with pytest.raises(UsageError, match=message), connected(address):
            pass


def test_no_cluster_on_this_machine_is_a_usage_error(monkeypatch: pytest.MonkeyPatch):
    import ray

    def init(**options: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(UsageError, match="Ray address auto: cannot be joined"), connected("auto"):
        pass


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'quotetune\[ray\]'"), connected():
        pass


def test_a_directory_that_cannot_be_written_is_refused(cluster: Any, tmp_path: Path):
    with (
        connected(cluster.address),
        pytest.raises(UsageError, match="missing: cannot be written"),
    ):
        check_shared(tmp_path / "missing")
