"""A replica on a node of a Ray cluster: an actor starts the child there, and passes its lines on.

The child is the same as on one machine, so that its GPUs and its memory behave as they do there. It
ends with the actor, and Ray ends the actor with the process that started it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.errors import reason_of
from quotetune.runtime.child import child_command, model_environment
from quotetune.runtime.cpu import share_of_cores
from quotetune.runtime.local_replica import LocalReplica

_CALLS_AT_ONCE = 4  # one of them waits for a line


@dataclass(frozen=True)
class Task:
    """What a replica does.

    Attributes:
        module: A module that calls `child_main`.
        job: The absolute path of its job, on the file system that all nodes share.
        log: The absolute path of its log there.
        directory: The directory to which the job's relative paths are relative.
        name: The work in one word, for messages.
    """

    module: str
    job: Path
    log: Path
    directory: Path
    name: str


class RayReplica:
    """A child on a node with enough free cores and GPUs; see `hand_out.Replica`.

    Args:
        ray: The module, connected to a cluster.
        task: What it does.
        cpus: Cores that it gets.
        gpus: GPUs that it gets, all on one node.
    """

    def __init__(self, ray: Any, task: Task, *, cpus: int, gpus: int) -> None:
        from ray.util.placement_group import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        self._ray = ray
        self._task = task
        bundle = {"CPU": float(cpus)} | ({"GPU": float(gpus)} if gpus else {})
        self._group = placement_group([bundle], strategy="STRICT_PACK")
        self._actor = (
            ray.remote(_ChildOnNode)
            .options(
                num_cpus=cpus,
                num_gpus=gpus,
                max_concurrency=_CALLS_AT_ONCE,
                scheduling_strategy=PlacementGroupSchedulingStrategy(self._group),
            )
            .remote(task, on_gpus=bool(gpus))
        )
        self._failure: str | None = None

    def lines(self) -> Iterator[bytes]:
        """Yield its lines; see `hand_out.Replica`."""
        try:
            while (line := self._ray.get(self._actor.line.remote())) is not None:
                yield line
            self._failure = self._ray.get(self._actor.failure.remote())
        except Exception as error:  # the node or the actor has died, or Ray was left
            self._failure = f"the {self._task.name} process on a node is lost ({reason_of(error)})"

    def send(self, line: str) -> None:
        """Give it a line; see `hand_out.Replica`."""
        self._actor.send.remote(line)

    def failure(self) -> str | None:
        """Say how it ended; see `hand_out.Replica`."""
        return self._failure

    def end(self) -> None:
        """End it, and give its place back; see `hand_out.Replica`."""
        from ray.util.placement_group import remove_placement_group

        with suppress(Exception):  # it has died with its node, or Ray was left
            self._ray.kill(self._actor)
        with suppress(Exception):
            remove_placement_group(self._group)


class _ChildOnNode:
    """The actor: it starts the child on its node."""

    def __init__(self, task: Task, *, on_gpus: bool) -> None:
        os.chdir(task.directory)
        environment = model_environment()
        if not on_gpus:
            # Ray has set the number of threads to that of the actor's cores.
            environment = share_of_cores(environment, 1)
        command = child_command(task.module, task.job, handed_out=True)
        self._replica = LocalReplica(command, environment, task.log, task.name)
        self._lines = self._replica.lines()

    def line(self) -> bytes | None:
        """Wait for the next line of the child; None after the last one."""
        return next(self._lines, None)

    def send(self, line: str) -> None:
        """Give the child a line."""
        self._replica.send(line)

    def failure(self) -> str | None:
        """Say how the child ended."""
        return self._replica.failure()


def cpu_places(cores: Sequence[float], wanted: int) -> tuple[int, int]:
    """Return how many replicas fit on nodes without GPUs, and how many cores each gets.

    Args:
        cores: The cores of each node.
        wanted: The number of replicas; fewer if there are not so many cores.

    Example:
        >>> cpu_places([4, 2], 2), cpu_places([4, 2], 3), cpu_places([2], 8)
        ((2, 2), (3, 2), (2, 1))
    """
    whole = [int(count) for count in cores]
    wanted = max(1, min(wanted, sum(whole)))
    each = max(whole, default=1)
    while each > 1 and sum(count // each for count in whole) < wanted:
        each -= 1
    return wanted, max(each, 1)


def gpu_places(gpus: Sequence[float], each: int) -> int:
    """Return how many replicas have room on nodes with GPUs.

    Args:
        gpus: The GPUs of each node.
        each: GPUs of a replica.

    Example:
        >>> gpu_places([8, 8, 2], 4)
        4
    """
    return sum(int(count) // each for count in gpus)
