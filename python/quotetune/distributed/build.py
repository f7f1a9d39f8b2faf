"""Build an index on a Ray cluster: plan, shards, and one index or a list of them."""

import os
import shutil
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from quotetune.corpus.change import merge
from quotetune.corpus.notices import SkippedRecords, UnseenKeys
from quotetune.corpus.progress import Progress, silent
from quotetune.distributed.filter_stretches import divided_filter, stretch_path
from quotetune.distributed.on_ray import build_shards, fill_filter, worker_count
from quotetune.distributed.plan import Plan, parts_of
from quotetune.distributed.planning import planned
from quotetune.distributed.shard_build import ShardResult, read_result
from quotetune.errors import QuotetuneError
from quotetune.runtime.ray_cluster import check_shared, connected
from quotetune.runtime.whole_files import write_json


def build_on_ray(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    address: str | None = None,
    shards: int | None = None,
    threads: int | None = None,
    scratch: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> int:
    """Build an index in shards, one task of a Ray cluster each.

    The index has the same documents in the same order, and gives the same answers, as one that
    `build_index` builds. The shards are in `OUTPUT.parts` until they are merged, on a file system
    that all nodes share. If the build ends early, the same call continues it.

    Args:
        inputs: Files, folders and globs that all nodes see, or URLs that fsspec opens.
        output: The directory to create; or a `.json` file, for a list of the shards, which stay.
        address: Address of the cluster (see `quotetune.runtime.ray_cluster.connected`).
        shards: Number of shards; by default the size of the corpus and the cluster decide.
        threads: Threads of each task, 1 by default.
        scratch: Directory on every node for remote files while they are read; by default that of
            the system's temporary files.
        overwrite: Whether to replace an output that exists.
        progress: As for `build_index`; the first phase is `shards`, in bytes of the inputs. With
            many shards, `filter` follows, in tasks.
        options: Other arguments of `build_index`, apart from `shard`.

    Returns:
        The number of documents.

    Raises:
        UsageError: As for `build_index`; or the cluster cannot be joined, a node does not see the
            output's directory, or `OUTPUT.parts` is of another build.
        QuotetuneError: As for `build_index`.
    """
    names = [os.fspath(name) for name in inputs]
    target, report, threads = Path(output).absolute(), progress or silent, threads or 1
    parts = parts_of(target)
    with connected(address) as ray:
        plan = planned(
            names,
            target,
            options,
            shards=shards,
            workers=lambda: worker_count(ray, threads),
            overwrite=overwrite,
        )
        # A plan that was stored did not ask whether this cluster has a node for a task.
        worker_count(ray, threads)
        check_shared(parts)

        def shards_done(count: float) -> None:
            report("shards", int(plan.bytes * count / plan.shards), plan.bytes)

        folder = None if scratch is None else os.fspath(scratch)
        build_shards(ray, parts, plan, threads, folder, shards_done)
        if plan.stretches:
            fill_filter(ray, parts, plan, threads, partial(report, "filter"))
    results = [read_result(parts, plan, number) for number in range(1, plan.shards + 1)]
    _check_metadata(results, plan)
    _warn_of_skipped(results)
    directories = [parts / plan.shard_name(number) for number in range(1, plan.shards + 1)]
    if plan.is_list:
        relative = [directory.relative_to(target.parent).as_posix() for directory in directories]
        write_json(target, relative)
    else:
        limit = options.get("memory_limit")
        join = partial(_merge_divided, parts, plan) if plan.stretches else merge
        join(directories, target, memory_limit=limit, overwrite=overwrite, progress=progress)
        shutil.rmtree(parts)
    return sum(result.documents for result in results)


def _merge_divided(
    parts: Path, plan: Plan, shards: Sequence[Path], output: Path, **options: Any
) -> None:
    divided = divided_filter(plan)
    stretches = [stretch_path(parts, number) for number in range(len(divided))]
    divided.merge(shards, output, stretches, **options)


def _check_metadata(results: list[ShardResult], plan: Plan) -> None:
    """Report the metadata keys that no document of any shard has, as one build does."""
    unseen = [set(result.unseen) for result in results if result.documents]
    keys = [key for key in plan.options.get("meta_keys") or [] if all(key in own for own in unseen)]
    if not keys or not unseen:
        return
    notice = UnseenKeys(keys)
    if len(keys) == len(plan.options["meta_keys"]):
        raise QuotetuneError(notice.as_error())
    warnings.warn(notice, stacklevel=3)


def _warn_of_skipped(results: list[ShardResult]) -> None:
    """Report the records that were left out, by reason, with the first place of each."""
    counts: dict[str, tuple[int, str]] = {}
    for result in results:
        for reason, count, place in result.skipped:
            before, first = counts.get(reason, (0, place))
            counts[reason] = before + count, first
    for reason, (count, first) in counts.items():
        warnings.warn(SkippedRecords(reason, count, first), stacklevel=3)
