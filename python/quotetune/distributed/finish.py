"""What the shards of a plan become when all are built: one index, or a list of them."""

import shutil
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from quotetune.corpus.change import merge
from quotetune.corpus.index import Index
from quotetune.corpus.notices import SkippedRecords, UnseenKeys
from quotetune.corpus.progress import Progress
from quotetune.corpus.verify import check_identities
from quotetune.distributed.filter_stretches import (
    divided_filter,
    fill_stretch,
    missing_stretches,
    stretch_path,
)
from quotetune.distributed.plan import Plan, parts_of
from quotetune.distributed.shard_build import ShardResult, is_finished, read_result
from quotetune.errors import QuotetuneError
from quotetune.runtime.cpu import available_cores
from quotetune.runtime.whole_files import write_json


def finish(
    plan: Plan,
    output: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> int:
    """Merge the shards into the output and remove them, or write the list of them.

    Args:
        plan: The plan, all of whose shards are built.
        output: The index to make, or the list.
        overwrite: Whether to replace an output that exists.
        progress: As for `merge`.

    Returns:
        The number of documents.

    Raises:
        UsageError: The output exists.
        QuotetuneError: A shard is missing, two shards have the same document, or no document has
            any of the metadata keys.
    """
    parts = parts_of(output)
    numbers = range(1, plan.shards + 1)
    missing = [number for number in numbers if not is_finished(parts, plan, number)]
    if missing:
        raise QuotetuneError(
            f"{parts}: shard {missing[0]}/{plan.shards} is not built: repeat the command, or the"
            " script, which does only the shards that are missing"
        )
    results = [read_result(parts, plan, number) for number in numbers]
    _check_metadata(results, plan)
    _warn_of_skipped(results)
    directories = [parts / plan.shard_name(number) for number in numbers]
    if plan.is_list:
        # A merge checks this by itself.
        check_identities(Index.open(directories))
        relative = [directory.relative_to(output.parent).as_posix() for directory in directories]
        write_json(output, relative)
    else:
        limit = plan.options.get("memory_limit")
        join = partial(_merge_divided, parts, plan) if plan.stretches else merge
        join(directories, output, memory_limit=limit, overwrite=overwrite, progress=progress)
        shutil.rmtree(parts)
    return sum(result.documents for result in results)


def _merge_divided(
    parts: Path, plan: Plan, shards: Sequence[Path], output: Path, **options: Any
) -> None:
    """Merge shards whose filter is in stretches. Those that no task has filled are filled here."""
    divided = divided_filter(plan)
    for stretch in missing_stretches(parts, divided):
        fill_stretch(parts, stretch, available_cores())
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
    warnings.warn(notice, stacklevel=4)


def _warn_of_skipped(results: list[ShardResult]) -> None:
    """Report the records that were left out, by reason, with the first place of each."""
    counts: dict[str, tuple[int, str]] = {}
    for result in results:
        for reason, count, place in result.skipped:
            before, first = counts.get(reason, (0, place))
            counts[reason] = before + count, first
    for reason, (count, first) in counts.items():
        warnings.warn(SkippedRecords(reason, count, first), stacklevel=4)
