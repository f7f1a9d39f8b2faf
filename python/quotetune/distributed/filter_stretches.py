"""The filter of an index that is built in many shards: each of its stretches is a task."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from quotetune.corpus.divided_filter import DividedFilter
from quotetune.distributed.plan import Plan, stored_plan
from quotetune.errors import QuotetuneError

_SIZES = ("bits_per_ngram", "fpr", "expected_ngrams")


def divided_filter(plan: Plan) -> DividedFilter:
    """Return the filter of a plan that divides it."""
    options = plan.options | plan.filter
    return DividedFilter(
        options["expected_ngrams"],
        plan.stretches,
        bits_per_ngram=options.get("bits_per_ngram"),
        fpr=options.get("fpr"),
    )


def shard_options(plan: Plan) -> dict[str, Any]:
    """Return the arguments of `build_index` for the shards: without a filter if it is divided.

    Example:
        >>> options = {"structures": ["bloom", "lean"], "fpr": 0.01, "n": 8}
        >>> shard_options(Plan([], options, {"expected_ngrams": 9}, 20, False, False, stretches=16))
        {'structures': ['lean'], 'n': 8}
        >>> shard_options(Plan([], {"n": 8}, {"expected_ngrams": 9}, 2, False, False))
        {'n': 8, 'expected_ngrams': 9}
    """
    options = plan.options | plan.filter
    if not plan.stretches:
        return options
    structures = options.get("structures", ["suffix"])
    options["structures"] = [name for name in structures if name != "bloom"]
    return {name: value for name, value in options.items() if name not in _SIZES}


def hashes_path(parts: Path, plan: Plan, number: int) -> Path:
    """Return the file of a shard's hashes; it appears before the shard does."""
    return parts / f"{plan.shard_name(number)}.hashes"


def stretch_path(parts: Path, stretch: int) -> Path:
    """Return the file of a stretch, from 0.

    Example:
        >>> stretch_path(Path("index.parts"), 7).as_posix()
        'index.parts/filter-00007'
    """
    return parts / f"filter-{stretch:05}"


def missing_stretches(parts: Path, divided: DividedFilter) -> Sequence[int]:
    """Return the stretches that are not filled."""
    return [n for n in range(len(divided)) if not stretch_path(parts, n).exists()]


def fill_stretch(parts: Path, stretch: int, threads: int) -> None:
    """Fill a stretch from the hashes of all shards; its file appears by rename.

    Every attempt has a file of its own, as every attempt at a shard has a directory.

    Raises:
        QuotetuneError: A file cannot be read or written, or the plan is not here.
    """
    plan = stored_plan(parts)
    if plan is None:
        raise QuotetuneError(f"{parts}: node {socket.gethostname()} sees no plan.json there")
    hashes = [hashes_path(parts, plan, number) for number in range(1, plan.shards + 1)]
    attempt = parts / f".filter-{stretch:05}.{socket.gethostname()}.{os.getpid()}"
    try:
        attempt.unlink(missing_ok=True)
        divided_filter(plan).fill(stretch, hashes, attempt, threads=threads)
        attempt.replace(stretch_path(parts, stretch))
    finally:
        with suppress(OSError):
            attempt.unlink(missing_ok=True)
