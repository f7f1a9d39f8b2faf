"""Build one shard of a plan, in whatever process and on whatever machine."""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from quotetune.corpus.build import build_index
from quotetune.corpus.inputs import InputFile, Inputs
from quotetune.corpus.notices import SkippedRecords, UnseenKeys
from quotetune.distributed.filter_stretches import divided_filter, hashes_path, shard_options
from quotetune.distributed.plan import Plan, PlannedFile, changed, stored_plan
from quotetune.distributed.remote import version_of
from quotetune.distributed.stretches import fetched
from quotetune.errors import QuotetuneError
from quotetune.runtime.whole_files import read_json, write_json


@dataclass(frozen=True)
class ShardResult:
    """What is known of a finished shard.

    Attributes:
        documents: Its documents.
        node: The machine that built it.
        skipped: Reason, count and first place of the records that were left out.
        unseen: Metadata keys that none of its documents has.
    """

    documents: int
    node: str
    skipped: list[tuple[str, int, str]]
    unseen: list[str]


def _result_path(parts: Path, plan: Plan, number: int) -> Path:
    """Return the file of a finished shard's result; it appears before the shard does."""
    return parts / f"{plan.shard_name(number)}.json"


def is_finished(parts: Path, plan: Plan, number: int) -> bool:
    """Tell whether a shard is complete."""
    return (parts / plan.shard_name(number) / "manifest.json").exists()


def read_result(parts: Path, plan: Plan, number: int) -> ShardResult:
    """Read the result of a finished shard."""
    return ShardResult(**read_json(_result_path(parts, plan, number)))


def build_shard(
    parts: Path,
    number: int,
    *,
    node: str,
    threads: int,
    scratch: str | None,
    report: Callable[[float], None],
) -> None:
    """Build a shard of the plan in a directory, unless it is there.

    Every attempt has a directory of its own. So one whose machine was only thought to be dead does
    not write into another's files, and the first to finish counts.

    Args:
        parts: The directory, on a file system that all machines share.
        number: The shard, from 1.
        node: Name of this machine.
        threads: Threads to build with.
        scratch: Directory on this machine for files that are fetched; None for that of the
            system's temporary files.
        report: Function that is called with the share that is done, from 0 to 1.

    Raises:
        QuotetuneError: As for `build_index`; or the directory has no plan here, or a file is not
            the one of the plan.
    """
    plan = stored_plan(parts)
    if plan is None:
        raise QuotetuneError(
            f"{parts}: node {node} sees no plan.json there: choose an output on a file system that"
            " all nodes share"
        )
    if is_finished(parts, plan, number):
        return
    attempt = parts / f".{plan.shard_name(number)}.{node}.{os.getpid()}"
    shutil.rmtree(attempt, ignore_errors=True)
    attempt.mkdir()
    try:
        # The first call tells that the shard was begun.
        report(0.0)
        with (
            warnings.catch_warnings(record=True) as caught,
            _inputs(parts, plan, number, node, scratch) as own,
        ):
            warnings.simplefilter("always")
            inputs, shard = own
            index = build_index(
                inputs,
                attempt / "index",
                **shard_options(plan) | {"format": None, "root": None},
                shard=shard,
                threads=threads,
                progress=_progress(report),
            )
        notices = [notice.message for notice in caught]
        result = ShardResult(
            len(index),
            node,
            [(n.reason, n.count, n.place) for n in notices if isinstance(n, SkippedRecords)],
            [key for n in notices if isinstance(n, UnseenKeys) for key in n.keys],
        )
        del index
        if plan.stretches:
            divided_filter(plan).write_hashes(
                attempt / "index", attempt / "hashes", threads=threads
            )
        _publish(parts, plan, number, attempt, result)
    finally:
        shutil.rmtree(attempt, ignore_errors=True)


def _publish(parts: Path, plan: Plan, number: int, attempt: Path, result: ShardResult) -> None:
    write_json(attempt / "result.json", asdict(result))
    (attempt / "result.json").replace(_result_path(parts, plan, number))
    if plan.stretches:
        (attempt / "hashes").replace(hashes_path(parts, plan, number))
    try:
        (attempt / "index").rename(parts / plan.shard_name(number))
    except OSError:
        # Another attempt was faster.
        if not is_finished(parts, plan, number):
            raise


@contextmanager
def _inputs(
    parts: Path, plan: Plan, number: int, node: str, scratch: str | None
) -> Iterator[tuple[Inputs, str]]:
    """Give the files of a shard, and which part of them it is."""
    if plan.are_remote:
        with fetched(parts, plan, number, scratch) as inputs:
            yield inputs, "1/1"
        return
    for file in plan.files:
        _check_unchanged(file, node)
    files = [InputFile(Path(file.path), file.format, file.name, True) for file in plan.files]
    yield Inputs(files), f"{number}/{plan.shards}"


def _check_unchanged(file: PlannedFile, node: str) -> None:
    """Refuse a file that this node does not see, or is not the one that the plan cuts."""
    try:
        found = version_of(Path(file.path))
    except OSError as error:
        raise QuotetuneError(
            f"{file.path}: node {node} cannot read it ({error.strerror}): put the"
            " corpus on a file system that all nodes share"
        ) from error
    if found != (file.size, file.version):
        raise changed(file)


def _progress(report: Callable[[float], None]) -> Callable[[str, int, int], None]:
    """Return the progress of a build that reports its share; reading and indexing take the same."""

    def progress(phase: str, done: int, total: int) -> None:
        share = min(done / total, 1.0) if total else 0.0
        report(share / 2 if phase == "read" else 0.5 + share / 2)

    return progress
