"""Make the plan of a build in shards, or find the one that an earlier command began."""

import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from quotetune.corpus.estimate import BuildEstimate, check_output, estimate_build
from quotetune.corpus.files import corpus_files
from quotetune.corpus.formats import STDIN
from quotetune.corpus.ingest import keys_of
from quotetune.corpus.inputs import expand_inputs
from quotetune.corpus.rows import Keys
from quotetune.distributed.claim import claimed
from quotetune.distributed.plan import (
    Plan,
    PlannedFile,
    check_same,
    is_list_name,
    parts_of,
    shard_count,
    store_plan,
    stored_plan,
)
from quotetune.distributed.remote import is_remote, remote_files, sampled, version_of
from quotetune.distributed.stretches import with_cuts
from quotetune.errors import UsageError

# An estimate may be too low, and a filter that is too small must be filled again.
_ROOM = 1.05
# Bytes of a stretch of a filter, which a task holds in memory, and the fewest and the most
# stretches. Each takes 64 KiB per thread while hashes are sorted by stretch.
_STRETCH_BYTES = 1 << 28
_FEW_STRETCHES = 16
_MANY_STRETCHES = 8192
_HASH_BYTES = 8
# The rate of the default size, 16 bits per n-gram.
_DEFAULT_FPR = 0.001


@contextmanager
def planned(
    inputs: Sequence[str],
    output: Path,
    options: dict[str, Any],
    *,
    shards: int | None,
    workers: Callable[[], int],
    overwrite: bool,
) -> Iterator[Plan]:
    """Give the plan of a build, stored beside the output, which no other command plans meanwhile.

    Args:
        inputs: Files, folders, globs, or URLs.
        output: The index to make, or the `.json` file of a list.
        options: Arguments of `build_index`.
        shards: How many shards; by default a plan that is stored, or the size, decides.
        workers: Function that returns how many tasks run at once.
        overwrite: Whether an output may exist.

    Raises:
        UsageError: An option or input is invalid, the output exists, a stored plan is another, or
            another command is at work on it.
        QuotetuneError: A record of the sample is bad, or there is no document.
    """
    _check_absent(output, overwrite)
    if not is_list_name(output):
        check_output(output, overwrite=True)
    elif output.is_dir():
        raise UsageError(f"{output}: is a directory, and a list is a file: choose another path")
    if options.get("duplicates") == "first":
        raise UsageError(
            "--duplicates first: a shard does not know the documents of the others: leave it out"
        )
    if "fuse" in options.get("structures", ()):
        raise UsageError("fuse: merge cannot join fuse filters: build one index, or choose bloom")
    if shards is not None and not 1 <= shards < 10**5:
        raise UsageError(f"shards is {shards}: choose from 1 to 99,999")
    options = json.loads(json.dumps(options, default=os.fspath))
    files, are_remote = _files(inputs, options)
    parts = parts_of(output)
    wanted = Plan(files, options, {}, 0, is_list_name(output), are_remote)
    with claimed(parts):
        yield _plan_in(parts, wanted, shards, workers, lambda: _check_absent(output, overwrite))


def _check_absent(output: Path, overwrite: bool) -> None:
    if output.exists() and not overwrite:
        raise UsageError(f"{output}: exists already: choose another path, or use --overwrite")


def _plan_in(
    parts: Path,
    wanted: Plan,
    shards: int | None,
    workers: Callable[[], int],
    check: Callable[[], None],
) -> Plan:
    """Return the plan that is stored, or store a new one, if a check still permits it."""
    stored = stored_plan(parts)
    if stored is not None:
        check_same(parts, stored, replace(wanted, shards=shards or stored.shards))
        return stored
    try:
        # Another command may have made the output while this one listed the files.
        check()
        wanted = replace(wanted, shards=shards or shard_count(wanted.bytes, workers()))
        filter, stretches = _filter(wanted, parts)
        plan = replace(wanted, filter=filter, stretches=stretches)
        store_plan(parts, plan)
    except BaseException:
        # Without a plan the directory is of no use to the next command.
        shutil.rmtree(parts, ignore_errors=True)
        raise
    return plan


def _files(inputs: Sequence[str], options: dict[str, Any]) -> tuple[list[PlannedFile], bool]:
    """List the files, and tell whether they are remote."""
    remote = [is_remote(name) for name in inputs]
    format, root = options.get("format"), options.get("root")
    if all(remote) and inputs:
        if root is not None:
            raise UsageError("--root is for local files: leave it out")
        return with_cuts(remote_files(inputs, format)), True
    if any(remote):
        raise UsageError("inputs are URLs and local paths: give one kind of them")
    expanded = expand_inputs(inputs, format, root)
    files = []
    for file in corpus_files(expanded, _keys(options)):
        if file.path == STDIN or not file.path.is_file():
            raise UsageError(f"{file.path}: a pipe cannot be divided: name files")
        path = file.path.absolute()
        files.append(PlannedFile(str(path), file.format, file.name, *version_of(path)))
    return files, False


def _keys(options: dict[str, Any]) -> Keys:
    return keys_of(
        options.get("text_key", "text"),
        options.get("id_key"),
        options.get("source"),
        options.get("source_key"),
        options.get("meta_keys", ()),
        options.get("errors", "strict"),
    )


def _filter(plan: Plan, parts: Path) -> tuple[dict[str, Any], int]:
    """Decide the filters of the shards, and the number of stretches if shards have none.

    If the text is stored, the shards write the hashes of their n-grams, and tasks fill the filter
    from them, a stretch each. Otherwise all shards have filters of the same room, enough for the
    whole corpus, which `merge` unites. These are as many filters of full size as there are shards:
    for 100 MB of text in 8 shards and two workers, a build took 10.8 s so, and 8.5 s with the
    stretches. In a list, the rates of the filters add up, so each has its share.
    """
    estimate, share = _estimated(plan, parts)
    structures = plan.options.get("structures", ("bloom", "suffix"))
    if "bloom" not in structures:
        return {}, 0
    given = {name: plan.options.get(name) for name in ("fpr", "bits_per_ngram", "expected_ngrams")}
    if plan.is_list:
        if given["expected_ngrams"] is not None or given["bits_per_ngram"] is not None:
            return {}, 0
        return {"fpr": (given["fpr"] or _DEFAULT_FPR) / plan.shards}, 0
    ngrams = given["expected_ngrams"] or max(int(estimate.distinct_ngrams / share * _ROOM), 1)
    room = {"expected_ngrams": ngrams}
    filter_bytes = int(estimate.files["bloom"] / share)
    if "suffix" in structures or "lean" in structures:
        _check_free(
            parts,
            filter_bytes + int(estimate.characters / share) * _HASH_BYTES,
            f"the hashes of {plan.shards} shards",
        )
        wanted = max(_FEW_STRETCHES, filter_bytes // _STRETCH_BYTES + 1)
        return room, min(wanted, _MANY_STRETCHES)
    _check_free(parts, plan.shards * filter_bytes, f"the filters of {plan.shards} shards")
    return room, 0


def _check_free(parts: Path, needed: int, what: str) -> None:
    free = shutil.disk_usage(parts).free
    if needed > free:
        raise UsageError(
            f"{parts}: {what} take {needed:,} bytes, and {free:,} are free: choose a larger disk,"
            " fewer --shards, or a list of indexes with -o NAME.json"
        )


def _estimated(plan: Plan, parts: Path) -> tuple[BuildEstimate, float]:
    """Check the options as a build does, and estimate it from a share of the corpus."""
    options = {name: value for name, value in plan.options.items() if name != "root"}
    with warnings.catch_warnings():
        # The list of the files has warned of what is left out.
        warnings.simplefilter("ignore")
        if plan.are_remote:
            # More text has more copies, so this is rather too much.
            with sampled(plan, parts) as (paths, share):
                return estimate_build(paths, **options), share
        return estimate_build([Path(file.path) for file in plan.files], **options), 1.0
