"""Sample the parts of a job with several replicas, on this machine or on the nodes of a cluster.

Each replica is the child that samples (`worker.py`), and gets its parts one by one. A seed is that
of its prompt, and a part has the same prompts in every replica, so what is drawn does not depend on
the number of replicas.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.config import SamplingConfig
from quotetune.errors import QuotetuneError
from quotetune.runtime.accelerator import visible_gpus
from quotetune.runtime.child import child_command, model_environment
from quotetune.runtime.cpu import share_of_cores
from quotetune.runtime.hand_out import Replica, Work, hand_out
from quotetune.runtime.local_replica import LocalReplica
from quotetune.sampling.parts import LOG_NAME, missing_parts

MODULE = "quotetune.sampling.worker"
NAME = "sampling"
_GPU_KEYS = ("tensor_parallel_size", "pipeline_parallel_size")
_Report = Callable[[dict[str, Any]], None]
# Starts a replica in a place, which is a number from 0.
Start = Callable[[int], Replica]


@dataclass(frozen=True)
class Child:
    """The child process that a replica is.

    Attributes:
        module: A module that calls `child_main`.
        job: The file of its job.
        log: The file that says which replicas died. Each place has a log beside it.
        name: The work in one word, for messages.
    """

    module: str
    job: Path
    log: Path
    name: str

    def log_of(self, place: int) -> Path:
        """Return the log of the replicas in a place.

        Example:
            >>> job, log = Path("samples/job.json"), Path("samples/sampling.log")
            >>> Child(MODULE, job, log, NAME).log_of(1).name
            'sampling-1.log'
        """
        return self.log.with_stem(f"{self.log.stem}-{place}")

    def note(self, line: str) -> None:
        """Add a line about a replica to the log."""
        with self.log.open("a", encoding="utf-8") as log:
            print(line, file=log)


@dataclass(frozen=True)
class Unmade:
    """The parts of a job that are missing.

    Attributes:
        job: The file of the job, in the directory of the parts.
        parts: The number of all parts.
        missing: The numbers of the missing ones, at least one.
    """

    job: Path
    parts: int
    missing: Sequence[int]

    @property
    def child(self) -> Child:
        """The child that makes them."""
        return Child(MODULE, self.job, self.job.with_name(LOG_NAME), NAME)


def replica_gpus(sampling: SamplingConfig) -> int:
    """Return the number of GPUs of a replica, where there are GPUs.

    Args:
        sampling: How to draw; its backend is not `auto`.

    Example:
        >>> engine = {"tensor_parallel_size": 4, "pipeline_parallel_size": 2}
        >>> replica_gpus(SamplingConfig(backend="vllm", engine=engine))
        8
    """
    gpus = 1
    if sampling.backend == "vllm":
        for key in _GPU_KEYS:
            gpus *= int(sampling.engine.get(key) or 1)
    return gpus


def local_places(sampling: SamplingConfig) -> list[list[str]]:
    """Return the GPUs of each replica on this machine; a replica on the CPU has none.

    Args:
        sampling: How to draw; its backend is not `auto`.

    Example:
        >>> local_places(SamplingConfig(backend="transformers"))
        [[]]
    """
    wanted = sampling.replicas
    if wanted == 1:
        return [[]]
    gpus, each = visible_gpus(), replica_gpus(sampling)
    if not gpus:
        # One copy on the CPU is bound by the bandwidth of the memory, which others would share.
        return [[]] * (1 if wanted == "auto" else wanted)
    places = [gpus[first : first + each] for first in range(0, len(gpus) - each + 1, each)]
    # Where the GPUs do not suffice for one, the engine says so.
    return places[: None if wanted == "auto" else wanted] or [[]]


def on_this_machine(child: Child, places: Sequence[Sequence[str]]) -> Start:
    """Return the function that starts a replica as a process of this machine.

    Args:
        child: What a replica runs.
        places: The GPUs of each replica.
    """
    environment = model_environment()

    def start(place: int) -> Replica:
        if places[place]:
            own = environment | {"CUDA_VISIBLE_DEVICES": ",".join(places[place])}
        else:
            own = share_of_cores(environment, len(places))
        command = child_command(child.module, child.job, handed_out=True)
        return LocalReplica(command, own, child.log_of(place), child.name)

    return start


def sample_with(start: Start, replicas: int, work: Unmade, report: _Report) -> None:
    """Sample parts with replicas, and say on the way how far they are.

    Args:
        start: Starts a replica in a place.
        replicas: The number of places.
        work: The parts.
        report: Called with the fields of `run.Progress`, except `parts`.

    Raises:
        QuotetuneError: As for `hand_out.hand_out`; or a part is not there after all.
    """
    output = work.job.parent
    progress = _Progress(report, work)

    child = work.child
    hand_out(
        Work(child.name, work.missing, start, replicas, progress.made, progress.heard, child.note)
    )
    if lost := missing_parts(output, work.parts):
        raise QuotetuneError(
            f"{output}: part {lost[0]} is not there, though a replica made it: use a directory on"
            " a file system that all nodes share, and run the same command again"
        )


class _Progress:
    """Adds up what the replicas report."""

    def __init__(self, report: _Report, work: Unmade) -> None:
        self._report = report
        self._work = work
        self._left = len(work.missing)
        self._tokens: dict[int, int] = {}  # by the number of the replica
        self._start = 0.0

    def heard(self, replica: int, event: dict[str, Any]) -> None:
        """Count what a replica has generated so far."""
        if not self._tokens:  # the first model is loaded
            self._start = time.monotonic()
        self._tokens[replica] = event["tokens"]
        self._say()

    def made(self, left: int) -> None:
        """Count a part that was made."""
        self._left = left
        self._say()

    def _say(self) -> None:
        seconds = time.monotonic() - self._start
        tokens = sum(self._tokens.values())
        done = self._work.parts - self._left
        self._report({"done": done, "tokens": tokens, "seconds": seconds})
