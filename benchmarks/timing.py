"""Wall and CPU time of calls, in this process by turns or in a child with a time limit."""

import gc
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

# A child may take this long, in seconds, to import and to read before its clock starts.
PREPARATION = 120.0


@dataclass(frozen=True)
class Time:
    """Seconds of one call.

    Attributes:
        wall: Seconds on the clock.
        cpu: Seconds of processors, those of all threads and child processes together.
    """

    wall: float
    cpu: float

    def best(self, other: "Time | None") -> "Time":
        """The shorter of two measurements, wall and CPU each."""
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
    """Run calls in turn, several times, and keep each one's shortest times.

    By turns, so that a machine that is busy for a while is busy for all of them.
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
        prepare: Called in the child with the arguments; gives the call to measure. A function of
            a module, so that the child finds it.
        arguments: Arguments of `prepare`.
        limit: Seconds after which the child and all that it started are killed.

    Returns:
        The time, or None if the limit passed.

    Raises:
        RuntimeError: The child failed; its traceback is on stderr.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_measure, args=(theirs, prepare, arguments))
    child.start()
    theirs.close()
    try:
        if not ours.poll(PREPARATION) or ours.recv() != "ready":
            raise RuntimeError(f"{prepare.__name__} did not get ready in {PREPARATION:.0f} s")
        result = ours.recv() if ours.poll(limit) else None
    except EOFError:
        raise RuntimeError(f"{prepare.__name__} failed") from None
    finally:
        if child.is_alive() and child.pid is not None:
            _kill_group(child.pid)
        child.join()
    return result


def _measure(
    pipe: Connection, prepare: Callable[..., Callable[[], object]], arguments: Sequence[Any]
) -> None:
    # A group of its own: what the child starts ends with it.
    os.setpgid(0, 0)
    call = prepare(*arguments)
    pipe.send("ready")
    pipe.send(timed(call))
    pipe.close()


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
