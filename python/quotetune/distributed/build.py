"""Build an index on a Ray cluster: plan, shards, and one index or a list of them."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from quotetune.corpus.progress import Progress, silent
from quotetune.distributed.finish import finish
from quotetune.distributed.on_ray import build_shards, fill_filter, worker_count
from quotetune.distributed.plan import parts_of
from quotetune.distributed.planning import planned
from quotetune.runtime.ray_cluster import check_shared, connected


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
        progress: As for `build_index`; the first phase is `shards`, in bytes of the inputs, and
            `filter` follows, in tasks.
        options: Other arguments of `build_index`, apart from `shard`.

    Returns:
        The number of documents.

    Raises:
        UsageError: As for `build_index`; or the cluster cannot be joined, a node does not see the
            output's directory, or `OUTPUT.parts` is of another build or in use.
        QuotetuneError: As for `build_index`.
    """
    names = [os.fspath(name) for name in inputs]
    target, report, threads = Path(output).absolute(), progress or silent, threads or 1
    parts = parts_of(target)
    with ExitStack() as stack:
        with connected(address) as ray:
            wanted = planned(
                names,
                target,
                options,
                shards=shards,
                workers=lambda: worker_count(ray, threads),
                overwrite=overwrite,
            )
            # It stays claimed after this process has left the cluster.
            plan = stack.enter_context(wanted)
            # A plan that was stored did not ask whether this cluster has a node for a task.
            worker_count(ray, threads)
            check_shared(parts)

            def shards_done(count: float) -> None:
                report("shards", int(plan.bytes * count / plan.shards), plan.bytes)

            folder = None if scratch is None else os.fspath(scratch)
            build_shards(ray, parts, plan, threads, folder, shards_done)
            if plan.stretches:
                fill_filter(ray, parts, plan, threads, partial(report, "filter"))
        return finish(plan, target, overwrite=overwrite, progress=report)
