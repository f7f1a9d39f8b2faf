"""Build the shards of a plan on a Ray cluster, and fill its filter, in tasks."""

import importlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quotetune.distributed.filter_stretches import (
    divided_filter,
    fill_stretch,
    missing_stretches,
)
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
    task = _task(ray, threads, _build)
    tasks = {
        task.remote(str(parts), n, threads, scratch, board): f"shard {n}/{plan.shards}"
        for n in missing
    }
    try:
        _await(ray, tasks, lambda left: report(finished + ray.get(board.done.remote())))
    finally:
        ray.kill(board)
    report(plan.shards)
    _remove_attempts(parts)


def fill_filter(
    ray: Any, parts: Path, plan: Plan, threads: int, report: Callable[[int, int], None]
) -> None:
    """Fill all stretches of a divided filter that are not filled, after the shards are built.

    Args:
        ray: As for `build_shards`, like the next three arguments.
        parts: Where the shards and their hashes are, and the stretches are to be.
        plan: The plan.
        threads: Threads, and cores, of each task.
        report: Function that is called with the stretches that are filled, and all.

    Raises:
        QuotetuneError: A stretch cannot be filled; the others stay.
    """
    divided = divided_filter(plan)
    count = len(divided)
    task = _task(ray, threads, fill_stretch)
    tasks = {
        task.remote(parts, n, threads): f"stretch {n} of the filter"
        for n in missing_stretches(parts, divided)
    }
    _await(ray, tasks, lambda left: report(count - left, count))
    _remove_attempts(parts)


def _task(ray: Any, threads: int, function: Callable[..., None]) -> Any:
    return ray.remote(
        num_cpus=threads,
        max_retries=RETRIES,
        retry_exceptions=[OSError],
        scheduling_strategy="SPREAD",
    )(function)


def _await(ray: Any, tasks: dict[Any, str], report: Callable[[int], None]) -> None:
    """Wait for named tasks, and report how many are left. If one fails, end the others."""
    waiting = list(tasks)
    try:
        while waiting:
            done, waiting = ray.wait(waiting, timeout=_SECONDS_BETWEEN_REPORTS)
            for answer in done:
                _check(ray, answer, tasks[answer])
            report(len(waiting))
    finally:
        for answer in waiting:
            ray.cancel(answer, force=True)


def _remove_attempts(parts: Path) -> None:
    """Remove what processes that were killed left of their attempts."""
    for left in parts.glob(".shard-*"):
        shutil.rmtree(left, ignore_errors=True)
    for left in parts.glob(".filter-*"):
        left.unlink(missing_ok=True)


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


def _check(ray: Any, answer: Any, task: str) -> None:
    again = "repeat the command, which does only what is missing"
    try:
        ray.get(answer)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, QuotetuneError):
            raise type(error.cause)(str(error.cause)) from None
        raise QuotetuneError(f"{task}: {reason_of(error.cause)}: {again}") from error
    except ray.exceptions.RayError as error:
        raise QuotetuneError(
            f"{task}: its process ended {RETRIES + 1} times ({type(error).__name__}):"
            f" set --memory-limit if its memory did not suffice, and {again}"
        ) from error
