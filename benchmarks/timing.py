"""Wall and CPU time of calls: in turn in this process, or in a child with a time limit."""

import gc
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from typing import Any

# Seconds that a child may take for imports and reading before its clock starts.
PREPARATION = 120.0
# Seconds within which a child must end after its answer or after the limit.
ENDING = 5.0


@dataclass(frozen=True)
class Time:
    """Seconds of one call.

    Attributes:
        wall: Seconds of wall time.
        cpu: Seconds of CPU time of all threads and child processes together.
    """

    wall: float
    cpu: float

    def best(self, other: "Time | None") -> "Time":
        """Return the shorter of two measurements, separately for wall and CPU time."""
        if other is None:
            return self
        return Time(min(self.wall, other.wall), min(self.cpu, other.cpu))


def timed(call: Callable[[], object]) -> Time:
    """Run a call and measure it."""
    gc.collect()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    call()
    return Time(time.perf_counter() - wall, _cpu_seconds() - cpu)


def by_turns(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Time]:
    """Run calls in turn, several times, and keep the shortest times of each.

    The calls take turns so that a machine that is busy for a while is busy for all of them.
    """
    times: dict[str, Time] = {}
    for _ in range(repeats):
        for name, call in calls.items():
            times[name] = timed(call).best(times.get(name))
    return times


def in_child(
    prepare: Callable[..., Callable[[], object]], arguments: Sequence[Any], limit: float
) -> Time | None:
    """Measure a call in a process of its own.

    Args:
        prepare: Called in the child with the arguments; returns the call to measure. It must be a
            function of a module, so that the child finds it.
        arguments: Arguments of `prepare`.
        limit: Seconds after which the child and all processes that it started are killed.

    Returns:
        The time, or None if the limit passed.

    Raises:
        RuntimeError: The child failed; its traceback is on stderr.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryFile() as output:
        child = context.Process(
            target=_measure, args=(theirs, DupFd(output.fileno()), prepare, arguments)
        )
        child.start()
        theirs.close()
        try:
            if not ours.poll(PREPARATION) or ours.recv() != "ready":
                raise EOFError
            if ours.poll(limit):
                result: Time = ours.recv()
                return result
            return None
        except EOFError:
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace"))
            raise RuntimeError(f"{prepare.__name__}{tuple(arguments)} failed") from None
        finally:
            _end(child)


def _measure(
    pipe: Connection, output: Any, prepare: Callable[..., Callable[[], object]], arguments: Any
) -> None:
    # In a process group of its own, the processes that the child starts end with it.
    os.setpgid(0, 0)
    # The peers print a lot of progress.
    output = output.detach()
    os.dup2(output, 1)
    os.dup2(output, 2)
    call = prepare(*arguments)
    pipe.send("ready")
    pipe.send(timed(call))
    pipe.close()


def _end(child: BaseProcess) -> None:
    """Let a child that has answered end; kill one that has not, with the processes it started."""
    child.join(ENDING)
    if child.is_alive() and child.pid is not None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.join()


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
