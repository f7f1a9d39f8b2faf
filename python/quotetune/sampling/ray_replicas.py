"""Sample the parts of a job with replicas on the nodes of a Ray cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from quotetune.config import SamplingConfig
from quotetune.errors import UsageError
from quotetune.runtime.hand_out import Replica
from quotetune.runtime.ray_cluster import check_shared, connected
from quotetune.runtime.ray_replica import RayReplica, Task, cpu_places, gpu_places
from quotetune.sampling.replicas import MODULE, NAME, Unmade, log_of, replica_gpus, sample_with


def sample_on_ray(
    work: Unmade, sampling: SamplingConfig, report: Callable[[dict[str, Any]], None]
) -> None:
    """Sample the missing parts of a job on a cluster.

    Args:
        work: The parts. Their directory is on a file system that all nodes share.
        sampling: How and where to draw; its backend is not `auto`.
        report: Called with the fields of `run.Progress`, except `parts`.

    Raises:
        UsageError: Ray is not installed or does not answer, a node does not see the directory, or
            none has enough GPUs.
        QuotetuneError: As for `hand_out.hand_out`.
    """
    job = work.job.absolute()
    with connected(sampling.ray_address) as ray:
        check_shared(job.parent)
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        replicas, cpus, gpus = places_on(nodes, sampling, len(work.missing))

        def start(place: int) -> Replica:
            task = Task(MODULE, job, log_of(job, place), Path.cwd(), NAME)
            return RayReplica(ray, task, cpus=cpus, gpus=gpus)

        sample_with(start, replicas, work, report)


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
