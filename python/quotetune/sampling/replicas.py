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


def sample_on_this_machine(work: Unmade, places: Sequence[Sequence[str]], report: _Report) -> None:
    """Sample the missing parts of a job with a process per place.

    Args:
        work: The parts.
        places: The GPUs of each replica.
        report: Called with the fields of `run.Progress`, except `parts`.

    Raises:
        QuotetuneError: As for `hand_out.hand_out`.
    """
    environment = model_environment()
    places = places[: len(work.missing)]

    def start(place: int) -> Replica:
        if places[place]:
            own = environment | {"CUDA_VISIBLE_DEVICES": ",".join(places[place])}
        else:
            own = share_of_cores(environment, len(places))
        command = child_command(MODULE, work.job, handed_out=True)
        return LocalReplica(command, own, log_of(work.job, place), NAME)

    sample_with(start, len(places), work, report)


def log_of(job: Path, place: int) -> Path:
    """Return the log of the replicas in a place.

    Example:
        >>> log_of(Path("samples/job.json"), 1).name
        'sampling-1.log'
    """
    log = job.with_name(LOG_NAME)
    return log.with_stem(f"{log.stem}-{place}")


def sample_with(
    start: Callable[[int], Replica], replicas: int, work: Unmade, report: _Report
) -> None:
    """Sample parts with replicas, and say on the way how far they are.

    Args:
        start: Starts a replica in a place, which is a number from 0.
        replicas: The number of places.
        work: The parts.
        report: Called with the fields of `run.Progress`, except `parts`.

    Raises:
        QuotetuneError: As for `hand_out.hand_out`; or a part is not there after all.
    """
    output = work.job.parent
    progress = _Progress(report, work)

    def note(line: str) -> None:
        with (output / LOG_NAME).open("a", encoding="utf-8") as log:
            print(line, file=log)

    hand_out(Work(NAME, work.missing, start, replicas, progress.made, progress.heard, note))
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
