"""Replicas on the nodes of a Ray cluster sample what one process samples, even if a node dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import children
import quotetune.sampling.ray_replicas as ray_replicas
from processes import wait_until
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.errors import UsageError
from quotetune.prompts.prompt import Prompt
from quotetune.runtime.ray_replica import RayReplica, cpu_places
from quotetune.sampling import run_sampling
from quotetune.sampling.parts import part_path
from quotetune.sampling.ray_replicas import places_on
from ray_nodes import local_cluster

PROMPTS = [Prompt(f"p{number}", "What? " * (number + 1)) for number in range(6)]


def sample(model: Path, output: Path, **where: Any) -> None:
    settings = {"backend": "transformers", "n": 3, "max_tokens": 24, "chunk_prompts": 1}
    run_sampling(
        PROMPTS,
        output,
        model=ModelConfig(path=str(model)),
        sampling=SamplingConfig(**settings, **where),
        seed=7,
        round=1,
    )


def tables(output: Path) -> list[Any]:
    return [pq.read_table(part_path(output, part)) for part in range(len(PROMPTS))]


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two nodes with scratch of their own, a core each."""
    scratch = tmp_path_factory.mktemp("nodes")
    with local_cluster([scratch / "head", scratch / "other"]) as started:
        yield started


def test_a_node_that_is_killed_in_mid_sampling_changes_nothing(
    cluster: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        children.work_here(patch)
        sample(model, tmp_path / "alone")
    output = tmp_path / "on nodes"
    given: list[tuple[RayReplica, str]] = []
    lost: list[str] = []
    held: list[tuple[RayReplica, str]] = []

    class OnNodes(RayReplica):
        def send(self, line: str) -> None:
            given.append((self, line))
            own = len([one for one, _ in given if one is self])
            # The first part is asked for before the model is loaded.
            if own == 2 and line and not lost and self.node() != driver_node():
                lost.append(line)
                assert len(replicas_of(output)) == 2
                [other] = cluster.worker_nodes
                actor = self._ray.get(self._actor.__ray_call__.remote(lambda _: os.getpid()))
                # A machine that dies takes its actors along, which else notice it a little later.
                cluster.remove_node(other, allow_graceful=False)
                os.kill(actor, signal.SIGKILL)
                for one, kept in held:
                    RayReplica.send(one, kept)
            elif own > 1 and not lost:
                # The replica here waits, or it could make all parts before the other has loaded.
                held.append((self, line))
                return
            super().send(line)

        def node(self) -> str:
            table = self._ray.util.placement_group_table(self._group)
            return str(table["bundles_to_node_id"][0])

    monkeypatch.setattr(ray_replicas, "RayReplica", OnNodes)
    sample(model, output, replicas=2, executor="ray", ray_address=cluster.address)
    assert tables(output) == tables(tmp_path / "alone")
    [part] = lost
    assert [line for _, line in given].count(part) == 2
    assert f"with sampling part {part}: the sampling process on a node is lost" in (
        output / "sampling.log"
    ).read_text(encoding="utf-8")
    wait_until(lambda: not replicas_of(output))


def driver_node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


def replicas_of(output: Path) -> list[int]:
    """The processes, on any node, that sample into a directory."""
    command = ["ps", "-wweo", "pid=,args="]  # as wide as they are
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [
        int(line.split()[0])
        for line in listed.stdout.splitlines()
        if "--handed-out" in line and str(output) in line
    ]


_DRIVER = """
import signal, sys
from pathlib import Path
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
run_sampling(
    [Prompt(str(number), "What?") for number in range(1000)],
    Path(sys.argv[2]),
    model=ModelConfig(path=sys.argv[1]),
    sampling=SamplingConfig(
        backend="transformers", n=1, max_tokens=200, chunk_prompts=1,
        replicas=2, executor="ray", ray_address=sys.argv[3],
    ),
    seed=0,
    round=1,
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_on_any_node_when_the_driver_ends(
    cluster: Any, model: Path, tmp_path: Path, number: signal.Signals
) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", _DRIVER, str(model), str(tmp_path), cluster.address],
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: list(tmp_path.glob("part-*.parquet")) or driver.poll() is not None)
    assert replicas_of(tmp_path)
    os.kill(driver.pid, number)
    assert driver.wait(120) != 0
    wait_until(lambda: not replicas_of(tmp_path))


def test_a_cluster_that_does_not_answer_is_one_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Ray address 127\.0\.0\.1:1: no answer"):
        sample(model, tmp_path, executor="ray", ray_address="127.0.0.1:1")


def test_without_ray_the_error_says_what_to_install(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'quotetune\[ray\]'"):
        sample(model, tmp_path, executor="ray")


NODES = [{"CPU": 16.0, "GPU": 8.0}, {"CPU": 16.0, "GPU": 2.0}, {"CPU": 64.0}]


@pytest.mark.parametrize(
    ("replicas", "gpus", "parts", "expected"),
    [
        ("auto", 1, 100, (10, 1, 1)),
        ("auto", 4, 100, (2, 1, 4)),
        ("auto", 1, 3, (3, 1, 1)),
        (5, 1, 100, (5, 1, 1)),
        (5, 8, 100, (1, 1, 8)),
    ],
)
def test_a_replica_has_all_its_gpus_on_one_node(
    replicas: Any, gpus: int, parts: int, expected: Any
) -> None:
    engine = {"tensor_parallel_size": gpus}
    sampling = SamplingConfig(backend="vllm", replicas=replicas, engine=engine)
    assert places_on(NODES, sampling, parts) == expected


def test_a_replica_that_fits_no_node_is_an_error_that_names_them() -> None:
    sampling = SamplingConfig(backend="vllm", engine={"tensor_parallel_size": 16})
    with pytest.raises(UsageError, match="takes 16 GPUs of one node, and the nodes have 8, 2, 0"):
        places_on(NODES, sampling, 9)


def test_nodes_without_gpus_have_one_copy_each_by_default() -> None:
    nodes = [{"CPU": 4.0}, {"CPU": 2.0}, {"CPU": 0.0}]
    sampling = SamplingConfig(backend="transformers", replicas="auto")
    assert places_on(nodes, sampling, 9) == (2, 2, 0)


@pytest.mark.parametrize("cores", [[1], [2], [4, 2], [3, 3], [16, 1, 1], [5, 0, 7]])
@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 40])
def test_cores_are_shared_so_that_every_replica_has_a_node(cores: list[int], wanted: int) -> None:
    count, each = cpu_places(cores, wanted)
    assert count == min(wanted, sum(cores))

    def room(own: int) -> int:
        return sum(node // own for node in cores)

    assert room(each) >= count
    assert all(room(more) < count for more in range(each + 1, 20))
