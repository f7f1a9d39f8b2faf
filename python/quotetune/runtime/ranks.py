"""Several child processes that do one job together, such as a training on several GPUs.

They are called ranks, as in torch, and are numbered from 0. Each watches its own standard input,
so all of them end when the parent does. If one ends early, the others would wait for it, perhaps
for ever: the parent ends them, and says which one it was.
"""

import json
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError
from quotetune.runtime.child import end, obituary, reported_error, start

RENDEZVOUS = "QUOTETUNE_RENDEZVOUS"
"""Variable with the path of a file by which the ranks find each other."""

# When one rank dies, the others fail a moment later, because they can no longer reach it. Their
# ends are awaited this long, so that the message names the one that was the cause.
_SECONDS_TO_FAIL = 3.0


@dataclass(frozen=True)
class _Failure:
    """The end of a rank that failed, or an error that it has reported."""

    rank: int
    returncode: int | None = None
    event: Mapping[str, Any] | None = None


def run_ranks(
    module: str,
    job: Path,
    log: Path,
    report: Callable[[dict[str, Any]], None],
    *,
    name: str,
    count: int,
    variables: Mapping[str, str],
    keeps_heap: bool = False,
) -> None:
    """Run `python -m MODULE JOB` as several ranks, and pass the reports of rank 0 on.

    Each rank has the variables `RANK`, `LOCAL_RANK`, `WORLD_SIZE` and `LOCAL_WORLD_SIZE` of torch,
    and `QUOTETUNE_RENDEZVOUS`. A file needs no port, which another program could take meanwhile.

    Args:
        module: A module that calls `child_main`.
        job: The file that describes the work.
        log: The standard error of rank 0 is appended to this file, and that of rank 1 to
            `NAME-rank-1.log` beside it.
        report: Called with each object that rank 0 reports.
        name: The work in one word, for messages, such as `training`.
        count: Number of ranks.
        variables: Further variables of their environment.
        keeps_heap: As for `run_child`.

    Raises:
        UsageError: A rank reported one.
        QuotetuneError: A rank failed. The message names it, and ends with the last line of its log.
    """
    logs = [log, *(log.with_name(f"{log.stem}-rank-{r}{log.suffix}") for r in range(1, count))]
    heard: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
    children: list[subprocess.Popen[bytes]] = []
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="quotetune-"))
        try:
            for rank in range(count):
                own = {
                    "RANK": rank,
                    "LOCAL_RANK": rank,
                    "WORLD_SIZE": count,
                    "LOCAL_WORLD_SIZE": count,
                }
                child = start(
                    module,
                    job,
                    stack.enter_context(logs[rank].open("ab")),
                    keeps_heap=keeps_heap,
                    variables={
                        **variables,
                        **{key: str(value) for key, value in own.items()},
                        RENDEZVOUS: str(Path(place) / "ranks"),
                    },
                )
                children.append(stack.enter_context(child))
                threading.Thread(target=_listen, args=(rank, child, heard), daemon=True).start()
            failures = _until_the_end(children, heard, report)
        finally:
            end(children)
    if failures:
        raise _error(failures, count, name, logs)


def _listen(
    rank: int,
    child: subprocess.Popen[bytes],
    heard: "queue.Queue[tuple[int, dict[str, Any] | None]]",
) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        heard.put((rank, json.loads(line)))
    child.wait()
    heard.put((rank, None))


def _until_the_end(
    children: list[subprocess.Popen[bytes]],
    heard: "queue.Queue[tuple[int, dict[str, Any] | None]]",
    report: Callable[[dict[str, Any]], None],
) -> list[_Failure]:
    """Pass reports on until all ranks have ended, or for a moment after one of them failed."""
    failures: list[_Failure] = []
    running = set(range(len(children)))
    deadline: float | None = None
    while running:
        try:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            rank, event = heard.get(timeout=left)
        except queue.Empty:
            break
        if event is None:
            running.remove(rank)
            if children[rank].returncode:
                failures.append(_Failure(rank, returncode=children[rank].returncode))
        elif "error" in event:
            failures.append(_Failure(rank, event=event))
        elif rank == 0 and not failures:
            report(event)
        if failures and deadline is None:
            deadline = time.monotonic() + _SECONDS_TO_FAIL
    return failures


def _error(failures: list[_Failure], count: int, name: str, logs: list[Path]) -> QuotetuneError:
    """Return the error of the rank that was the cause.

    That is one which knows its problem, or else one that was killed, or else the first. A rank that
    can no longer reach another reports an error of torch, or is ended by NCCL with SIGABRT.
    """
    for failure in failures:
        if failure.event and failure.event["own"] and (error := reported_error(failure.event)):
            return error
    reported = {failure.rank for failure in failures if failure.event}
    killed = [
        failure
        for failure in failures
        if failure.rank not in reported
        and failure.returncode is not None
        and failure.returncode < 0
        and failure.returncode != -signal.SIGABRT
    ]
    cause = (killed or failures)[0]
    if cause.event is not None:
        text = str(reported_error(cause.event))
    else:
        assert cause.returncode is not None
        text = obituary(name, cause.returncode, logs[cause.rank])
    return QuotetuneError(f"rank {cause.rank} of {count}: {text}")
