"""Join a Ray cluster, or start one on this machine, for work on several machines.

Ray is imported only when a cluster is asked for. A process that joins a cluster runs on one of its
nodes, and what the nodes make together is on a file system that all of them share.
"""

import importlib
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError, UsageError, reason_of

# How long to wait for a cluster's port, for a node to start a process, and for a network file
# system to show a new file. NFS may keep what it knows of a directory for 30 seconds.
CONNECT_SECONDS = 10.0
NODE_SECONDS = 120.0
SEEN_SECONDS = 35.0


@contextmanager
def connected(address: str | None = None) -> Iterator[Any]:
    """Join the Ray cluster at an address, or start one on this machine, until the block ends.

    A process that is connected already stays so: it uses its cluster, and does not leave it.

    Args:
        address: Address of the head node, `HOST:PORT`, or `auto` for the cluster that this machine
            belongs to. By default, that of the variable `RAY_ADDRESS`, which `ray job submit` sets.
            Without either, a cluster is started on this machine, and ended with the block.

    Yields:
        The module `ray`.

    Raises:
        UsageError: Ray is not installed, the address is invalid or does not answer, or this process
            is connected to another cluster.

    Example:
        >>> with connected() as ray:  # doctest: +SKIP
        ...     len(ray.nodes())
        1
    """
    ray = _imported()
    address = address or os.environ.get("RAY_ADDRESS") or None
    if ray.is_initialized():
        _check_is_the_same(ray, address)
        yield ray
        return
    if address is not None and address != "auto":
        _check_answers(address)
    before = signal.getsignal(signal.SIGTERM)
    try:
        _join(ray, address)
        # Ray ends the process with the number of the signal as its status. What the caller set
        # must stay as it was.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
        yield ray
    finally:
        ray.shutdown()


def check_shared(directory: Path) -> None:
    """Check that every node of the cluster sees the files that this process writes.

    Args:
        directory: A directory on the file system that the nodes share.

    Raises:
        UsageError: A node does not see a new file of the directory; the message names the node. Or
            nothing can be written there.
    """
    ray = _imported()
    directory = directory.absolute()
    probe = directory / f".quotetune-probe-{uuid.uuid4().hex}"
    content = uuid.uuid4().hex
    try:
        probe.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{directory}: cannot be written ({error.strerror or error}): make it writable, or"
            " choose another place"
        ) from error
    try:
        nodes = {node["NodeID"]: name_of(node) for node in ray.nodes() if node["Alive"]}
        seen = {
            _on_node(ray, node, _sees, str(probe), content, SEEN_SECONDS): node for node in nodes
        }
        waiting = list(seen)
        end = time.monotonic() + NODE_SECONDS
        while waiting:
            left = end - time.monotonic()
            done, waiting = ray.wait(waiting, timeout=max(left, 0))
            if not done:
                raise UsageError(
                    f"node {nodes[seen[waiting[0]]]}: did not start a process within"
                    f" {NODE_SECONDS:.0f} s: check it with `ray status`"
                )
            _check_seen(ray, done[0], nodes[seen[done[0]]], directory)
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def name_of(node: dict[str, Any]) -> str:
    """Return how a message names a node that `ray.nodes()` lists.

    Example:
        >>> name_of({"NodeName": "worker-3", "NodeManagerAddress": "10.0.0.3"})
        'worker-3 (10.0.0.3)'
        >>> name_of({"NodeName": "10.0.0.3", "NodeManagerAddress": "10.0.0.3"})
        '10.0.0.3'
    """
    name, address = node.get("NodeName"), node["NodeManagerAddress"]
    return f"{name} ({address})" if name and name != address else str(address)


def only_on(node: str) -> Any:
    """Return the scheduling strategy of a task or an actor that runs on one node.

    Args:
        node: The node's id, the `NodeID` of `ray.nodes()`.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node_id=node, soft=False)


def _imported() -> Any:
    """Import Ray.

    Raises:
        UsageError: It is not installed.
    """
    # Ray prints a notice of a coming change of this default once per process.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError(
            f"Ray cannot be imported ({reason_of(error)}): install it with"
            " `pip install 'quotetune[ray]'`"
        ) from error


def _check_is_the_same(ray: Any, address: str | None) -> None:
    """Refuse an address of another cluster than the one that this process is connected to."""
    joined = ray.get_runtime_context().gcs_address
    if address not in (None, "auto") and address != joined:
        raise UsageError(
            f"Ray address {address}: this process is connected to {joined}: disconnect with"
            " ray.shutdown(), or leave the address out"
        )


def _check_answers(address: str) -> None:
    """Refuse an address that is none, or that no cluster answers at.

    Ray itself would try for minutes.
    """
    host, colon, port = address.rpartition(":")
    if "://" in address or not (host and colon and port.isdigit()):
        raise UsageError(
            f"Ray address {address!r}: is not HOST:PORT: give the address that `ray start --head`"
            " printed, such as 10.0.0.1:6379, and run this on a node of the cluster"
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS) as server:
            speaks = os.environ.get("RAY_USE_TLS", "0") != "0" or _speaks_grpc(server)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"Ray address {address}: no answer ({reason_of(error)}): start the cluster with"
            " `ray start --head`, or correct the address"
        ) from error
    if not speaks:
        raise UsageError(
            f"Ray address {address}: what answers is not Ray: give the port that `ray start"
            " --head` printed, 6379 by default"
        )


def _speaks_grpc(server: socket.socket) -> bool:
    """Tell whether a server answers the start of HTTP/2, which gRPC uses, with its settings."""
    server.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    head = server.recv(9)
    return len(head) == 9 and head[3] == 4


def _join(ray: Any, address: str | None) -> None:
    """Connect this process, quietly."""
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if address is None else None,
            logging_level="error",
            log_to_driver=False,
        )
    # What Ray raises for a node that does not start in time is no more than an Exception.
    except Exception as error:
        at = f"Ray address {address}" if address else "Ray"
        raise UsageError(
            f"{at}: cannot be joined ({reason_of(error.__cause__ or error)}): run this on a node"
            " of a running cluster that has the same versions of Ray and Python"
        ) from error


def _on_node(ray: Any, node: str, function: Any, *arguments: Any) -> Any:
    """Call a function on one node, even if all its cores are busy."""
    remote = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=only_on(node))(function)
    return remote.remote(*arguments)


def _sees(path: str, content: str, seconds: float) -> bool:
    """Tell whether a file has its content, as soon as it has, or within some seconds."""
    end = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if Path(path).read_text(encoding="utf-8") == content:
                return True
        if not Path(path).parent.is_dir() or time.monotonic() > end:
            return False
        time.sleep(0.2)


def _check_seen(ray: Any, answer: Any, name: str, directory: Path) -> None:
    try:
        if ray.get(answer):
            return
    except ray.exceptions.RayError as error:
        raise QuotetuneError(
            f"node {name}: cannot run quotetune ({reason_of(error)[-300:]}): install the same"
            " version there, and check the node with `ray status`"
        ) from error
    raise UsageError(
        f"{directory}: node {name} does not see the files that this machine writes there: choose"
        " a directory on a file system that all nodes share"
    )
