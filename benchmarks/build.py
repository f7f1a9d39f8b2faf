"""Building: from a JSONL file of text to a finished filter, and to a finished suffix array."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import filters, limits, suffixes
from benchmarks.corpora import duplicated, first_of, split_corpus, write_jsonl
from benchmarks.settings import (
    ABLOOM,
    FUSE,
    INFINI_GRAM,
    LIBSAIS,
    LIMIT,
    QUOTETUNE,
    RBLOOM,
    SUFFIX_SYSTEMS,
    TOKENGRAMS,
    Settings,
)
from benchmarks.table import Row, Table
from benchmarks.targets import rate, target, targets, times_as_fast
from benchmarks.timing import Time, in_child

# The duplicated corpus contains each of its documents this many times.
COPIES = 16
# A file system in memory: syncing a file there waits for nothing.
MEMORY = Path("/dev/shm")
IN_MEMORY = f"{QUOTETUNE}, files in memory"


@dataclass(frozen=True)
class Input:
    """A corpus as a file.

    Attributes:
        documents: The documents.
        path: The JSONL file.
        megabytes: Millions of characters in all documents.
    """

    documents: Sequence[str]
    path: Path
    megabytes: float


def tables(settings: Settings) -> list[Table]:
    """Measure builds of ordinary text and of duplicated documents."""
    corpus, _ = split_corpus(settings.demo, settings.text_bytes)
    less = first_of(corpus, settings.peer_bytes)

    def given(name: str, documents: Sequence[str]) -> Input:
        path = write_jsonl(documents, settings.work / name / "corpus.jsonl")
        return Input(documents, path, sum(map(len, documents)) / 1e6)

    ours, theirs = given("ordinary", corpus), given("ordinary-peers", less)
    repeated = given("duplicated", duplicated(corpus, COPIES))
    repeated_peers = given("duplicated-peers", duplicated(less, COPIES))
    copies = f"documents that occur {COPIES} times each"
    bloom = _bloom(settings, ours, theirs)
    ordinary = _suffix(settings, ours, theirs, "ordinary text")
    return [
        bloom,
        ordinary,
        _suffix(settings, repeated, repeated_peers, copies, rate(ordinary.rows, QUOTETUNE)),
    ]


def _bloom(settings: Settings, ours: Input, theirs: Input) -> Table:
    output = settings.work / "bloom"
    filters.build(theirs.path, output)
    fewer = filters.count_distinct(output)
    filters.build(ours.path, output)
    distinct = filters.count_distinct(output)
    systems = settings.filters()
    given = {system: ours if system in (QUOTETUNE, FUSE) else theirs for system in systems}
    places = {FUSE: settings.work / "fuse"}
    arguments = {
        system: (system, given[system].path, places.get(system, output), fewer)
        for system in systems
    }
    times = _measure(settings, filters.prepare_build, arguments)
    rows = [Row(name, given[name].megabytes, times[name], settings.limit) for name in systems]
    if LIMIT in settings.systems:
        copy = settings.work / "copy"
        rows.append(limits.copying(ours.path, output, copy, ours.megabytes, settings.repeats))
    aims = targets(
        target("80 MB/s", rate(rows, QUOTETUNE), least=80),
        target("8 times the faster peer", times_as_fast(rows, {RBLOOM, ABLOOM}), least=8),
    )
    return Table(
        title=f"Building a filter of all 25-grams of {ours.megabytes:.0f} MB of text",
        unit="MB of text per second",
        rows=rows,
        notes=(
            f"The text has {distinct:,} distinct 25-grams. The Bloom filters have a "
            f"false-positive rate of 0.1%; `{FUSE}` has 0.0015%, and cannot change. All read "
            "JSONL. quotetune writes checksummed files. The peers keep their filters in memory, "
            f"and get {theirs.megabytes:.0f} MB of text. {aims} The limit reads the input, and "
            "writes and syncs as many bytes as the Bloom filter has.",
        ),
    )


def _suffix(
    settings: Settings, ours: Input, theirs: Input, kind: str, ordinary: float | None = None
) -> Table:
    """Measure a suffix array; `ordinary` is the speed on ordinary text, to be compared with."""
    work = settings.work / "suffix"
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as memory:
        arguments: dict[str, tuple[Any, ...]] = {}
        for system in settings.chosen(SUFFIX_SYSTEMS):
            path = ours.path if system == QUOTETUNE else theirs.path
            arguments[system] = (system, path, work / system)
        if MEMORY.is_dir():
            arguments[IN_MEMORY] = (QUOTETUNE, ours.path, Path(memory) / "index")
        times = _measure(settings, suffixes.prepare_build, arguments)
    rows = [
        Row(
            name, (ours if given[0] == QUOTETUNE else theirs).megabytes, times[name], settings.limit
        )
        for name, given in arguments.items()
    ]
    if LIBSAIS in settings.systems:
        rows.append(limits.sorting(ours.documents, settings.work / "text", settings.repeats))
    aims = [
        target("0.8 times bare libsais", times_as_fast(rows, [LIBSAIS]), least=0.8),
        target("6 times either peer", times_as_fast(rows, {INFINI_GRAM, TOKENGRAMS}), least=6),
    ]
    speed = rate(rows, QUOTETUNE)
    if ordinary is not None:
        share = None if speed is None else speed / ordinary
        aims.append(target("0.8 times the speed on ordinary text", share, least=0.8))
    return Table(
        title=f"Building a suffix array of {ours.megabytes:.0f} MB of {kind}",
        unit="MB of text per second",
        rows=rows,
        notes=(
            "From JSONL to finished files, over bytes. Files in memory cost nothing to sync, so "
            "the disk accounts for the extra time of the first row. The peers get "
            f"{theirs.megabytes:.0f} MB of text, on the disk. tokengrams stores bytes as 16-bit "
            "tokens and sorts on all cores. Bare libsais, which is the limit, only sorts the same "
            f"bytes as quotetune. {targets(*aims)}",
        ),
    )


def _measure(
    settings: Settings,
    prepare: Callable[..., Callable[[], object]],
    arguments: Mapping[str, tuple[Any, ...]],
) -> dict[str, Time | None]:
    """Measure the systems in turn, each in its own process; give up one that passes the limit."""
    times: dict[str, Time | None] = {}
    for turn in range(settings.repeats):
        for system, given in arguments.items():
            if turn and times[system] is None:
                continue
            time = in_child(prepare, given, settings.limit)
            times[system] = time and time.best(times.get(system))
    return times
