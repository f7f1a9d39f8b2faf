"""Build the shards of a plan on a Ray cluster, one task each."""

import importlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quotetune.distributed.plan import Plan
from quotetune.distributed.shard_build import build_shard, is_finished
from quotetune.distributed.stretches import (
    line_counts,
    lines_in,
    store_line_counts,
    stretches_of,
)
from quotetune.errors import QuotetuneError, UsageError, reason_of
from quotetune.runtime.ray_cluster import name_of, only_on

# How often a task whose process or machine died, or that could not read a file, is begun again.
RETRIES = 3
_SECONDS_BETWEEN_REPORTS = 0.5


class Board:
    """The progress of all shards, in a process on the machine that started them."""

    def __init__(self) -> None:
        self.shares: dict[int, float] = {}

    def note(self, number: int, share: float) -> None:
        """Keep the share of a shard that is done."""
        self.shares[number] = share

    def done(self) -> float:
        """Return the number of shards that are done, with the shares of others."""
        return sum(self.shares.values())


def worker_count(ray: Any, threads: int) -> int:
    """Return how many tasks of `threads` threads the cluster runs at once.

    Raises:
        UsageError: No node has so many cores.
    """
    cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    if max(cores, default=0) < threads:
        raise UsageError(
            f"threads is {threads}: no node has so many cores, the largest has"
            f" {max(cores, default=0)}: choose fewer"
        )
    return sum(count // threads for count in cores)


def build_shards(
    ray: Any,
    parts: Path,
    plan: Plan,
    threads: int,
    scratch: str | None,
    report: Callable[[float], None],
) -> None:
    """Build all shards that are not finished.

    Args:
        ray: The module, of a process that has joined a cluster.
        parts: Where the plan is, and the shards are to be.
        plan: The plan.
        threads: Threads, and cores, of each task.
        scratch: Directory on every node for files that are fetched.
        report: Function that is called with the number of shards that are done, shares included.

    Raises:
        QuotetuneError: A shard cannot be built; the others that are finished stay.
    """
    _remove_attempts(parts)
    numbers = range(1, plan.shards + 1)
    missing = [number for number in numbers if not is_finished(parts, plan, number)]
    finished = plan.shards - len(missing)
    report(finished)
    _count_lines(ray, parts, plan)
    here = ray.get_runtime_context().get_node_id()
    board = ray.remote(num_cpus=0, scheduling_strategy=only_on(here))(Board).remote()
    task = ray.remote(
        num_cpus=threads,
        max_retries=RETRIES,
        retry_exceptions=[OSError],
        scheduling_strategy="SPREAD",
    )(_build)
    tasks = {task.remote(str(parts), n, threads, scratch, board): n for n in missing}
    waiting = list(tasks)
    try:
        while waiting:
            done, waiting = ray.wait(waiting, timeout=_SECONDS_BETWEEN_REPORTS)
            for answer in done:
                _check(ray, answer, f"shard {tasks[answer]}/{plan.shards}")
            report(finished + ray.get(board.done.remote()))
        report(plan.shards)
        _remove_attempts(parts)
    finally:
        for answer in waiting:
            ray.cancel(answer, force=True)
        ray.kill(board)


def _remove_attempts(parts: Path) -> None:
    """Remove what processes that were killed left of their attempts."""
    for left in parts.glob(".shard-*"):
        shutil.rmtree(left, ignore_errors=True)


def _count_lines(ray: Any, parts: Path, plan: Plan) -> None:
    """Count the lines of the stretches of remote files, which tell the numbers of later lines."""
    if line_counts(parts) is not None:
        return
    stretches = [
        stretch
        for number in range(1, plan.shards + 1)
        for stretch in stretches_of(plan, number)
        if stretch.file.is_cut
    ]
    task = ray.remote(max_retries=RETRIES, retry_exceptions=[OSError])(lines_in)
    answers = [task.remote(stretch) for stretch in stretches]
    for stretch, answer in zip(stretches, answers, strict=True):
        _check(ray, answer, f"{stretch.file.path}, bytes from {stretch.start:,}")
    store_line_counts(parts, stretches, ray.get(answers))


def _build(parts: str, number: int, threads: int, scratch: str | None, board: Any) -> None:
    """Build a shard, in a process of the cluster."""
    ray: Any = importlib.import_module("ray")

    last = 0.0

    def report(share: float) -> None:
        nonlocal last
        if share in (0.0, 1.0) or time.monotonic() - last > _SECONDS_BETWEEN_REPORTS:
            last = time.monotonic()
            board.note.remote(number, share)

    own = ray.get_runtime_context().get_node_id()
    node = next(name_of(node) for node in ray.nodes() if node["NodeID"] == own)
    node = node.replace("/", "-")
    build_shard(Path(parts), number, node=node, threads=threads, scratch=scratch, report=report)
    report(1.0)


def _check(ray: Any, answer: Any, shard: str) -> None:
    again = "repeat the command, which does only the shards that are missing"
    try:
        ray.get(answer)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, QuotetuneError):
            raise type(error.cause)(str(error.cause)) from None
        raise QuotetuneError(f"{shard}: {reason_of(error.cause)}: {again}") from error
    except ray.exceptions.RayError as error:
        raise QuotetuneError(
            f"{shard}: its process ended {RETRIES + 1} times ({type(error).__name__}):"
            f" set --memory-limit if its memory did not suffice, and {again}"
        ) from error
