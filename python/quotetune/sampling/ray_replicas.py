"""Replicas on the nodes of a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from quotetune.config import SamplingConfig
from quotetune.errors import UsageError
from quotetune.runtime.hand_out import Replica
from quotetune.runtime.ray_cluster import check_shared, connected
from quotetune.runtime.ray_replica import RayReplica, Task, cpu_places, gpu_places
from quotetune.sampling.replicas import Child, Start, replica_gpus


@contextmanager
def joined(
    directory: Path, sampling: SamplingConfig, parts: int
) -> Iterator[tuple[Any, tuple[int, int, int]]]:
    """Join a cluster until the block ends, and check that it can do the work.

    Args:
        directory: A directory that all nodes must see.
        sampling: Where to work; its backend is not `auto`.
        parts: The number of parts.

    Yields:
        The module `ray`, and what `places_on` returns.

    Raises:
        UsageError: Ray is not installed or does not answer, a node does not see the directory, or
            none has enough GPUs.
    """
    with connected(sampling.ray_address) as ray:
        check_shared(directory)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        yield ray, places_on(nodes, sampling, parts)


@contextmanager
def on_nodes(child: Child, sampling: SamplingConfig, parts: int) -> Iterator[tuple[Start, int]]:
    """Join a cluster until the block ends.

    Args:
        child: What a replica runs. Its files are on a file system that all nodes share.
        sampling: Where to work; its backend is not `auto`.
        parts: The number of parts; there are no more replicas.

    Yields:
        The function that starts a replica on a node, and the number of replicas.

    Raises:
        UsageError: As for `joined`.
    """
    there = replace(child, job=child.job.absolute(), log=child.log.absolute())
    with joined(there.job.parent, sampling, parts) as (ray, (replicas, cpus, gpus)):

        def start(place: int) -> Replica:
            task = Task(there.module, there.job, there.log_of(place), Path.cwd(), there.name)
            return RayReplica(ray, task, cpus=cpus, gpus=gpus)

        yield start, replicas


def places_on(
    nodes: list[dict[str, float]], sampling: SamplingConfig, parts: int
) -> tuple[int, int, int]:
    """Return the number of replicas on a cluster, and the cores and GPUs of each.

    Args:
        nodes: What each node has.
        sampling: How and where to draw; its backend is not `auto`.
        parts: The number of parts; there are no more replicas.

    Raises:
        UsageError: The cluster has GPUs, and no node has enough for a replica; or it has no cores.

    Example:
        >>> two_nodes = [{"CPU": 16.0, "GPU": 8.0}, {"CPU": 16.0, "GPU": 8.0}]
        >>> sampling = SamplingConfig(
        ...     backend="vllm", replicas="auto", engine={"tensor_parallel_size": 4}
        ... )
        >>> places_on(two_nodes, sampling, 100)
        (4, 1, 4)
    """
    wanted, gpus = sampling.replicas, [node.get("GPU", 0.0) for node in nodes]
    if not any(gpus):
        cores = [node.get("CPU", 0.0) for node in nodes]
        if not any(count >= 1 for count in cores):
            raise UsageError(
                "sampling.executor: no node of the Ray cluster has a core: start a node with"
                " `ray start --address HOST:PORT --num-cpus 8`"
            )
        count = sum(count >= 1 for count in cores) if wanted == "auto" else wanted
        return *cpu_places(cores, min(count, parts)), 0
    each = replica_gpus(sampling)
    room = gpu_places(gpus, each)
    if not room:
        raise UsageError(
            f"sampling.engine: a replica takes {each} GPUs of one node, and the nodes have"
            f" {', '.join(f'{count:.0f}' for count in gpus)}: lower tensor_parallel_size"
        )
    return min(room if wanted == "auto" else wanted, room, parts), 1, each
