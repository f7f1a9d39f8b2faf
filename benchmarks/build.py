"""Building: a JSONL file of text to a finished filter, and to a finished suffix array."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import filters, suffixes
from benchmarks.corpora import duplicated, split_corpus, write_jsonl
from benchmarks.settings import BLOOM_SYSTEMS, SUFFIX_SYSTEMS, Settings
from benchmarks.table import Row, Table
from benchmarks.timing import Time, in_child

# The duplicated corpus holds each of its documents this many times.
COPIES = 16


def tables(settings: Settings) -> list[Table]:
    """Measure builds of ordinary text and of duplicated documents."""
    corpus, _ = split_corpus(settings.demo, settings.text_bytes)
    copies = duplicated(corpus, COPIES)
    ordinary = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    repeated = write_jsonl(copies, settings.work / "duplicated" / "corpus.jsonl")
    return [
        _bloom(settings, ordinary, sum(map(len, corpus)) / 1e6),
        _suffix(settings, ordinary, sum(map(len, corpus)) / 1e6, "ordinary text"),
        _suffix(
            settings, repeated, sum(map(len, copies)) / 1e6, f"documents that stand {COPIES} times"
        ),
    ]


def _bloom(settings: Settings, corpus: Path, megabytes: float) -> Table:
    output = settings.work / "bloom"
    filters.build(corpus, output)
    distinct = filters.count_distinct(output)
    systems = settings.chosen(BLOOM_SYSTEMS)
    arguments = {system: (system, corpus, output, distinct) for system in systems}
    times = _measure(settings, filters.prepare_build, arguments)
    return Table(
        title=f"Build of a filter of all 25-grams of {megabytes:.0f} MB of text",
        unit="MB of text a second",
        rows=[Row(system, megabytes, times[system], settings.limit) for system in systems],
        notes=(
            f"{distinct:,} distinct 25-grams. Bloom filters at a false-positive rate of 0.1%. "
            "From JSONL; quotetune's ends as a checksummed file, the peers' in memory.",
        ),
    )


def _suffix(settings: Settings, corpus: Path, megabytes: float, kind: str) -> Table:
    systems = settings.chosen(SUFFIX_SYSTEMS)
    arguments = {system: (system, corpus, settings.work / "suffix" / system) for system in systems}
    times = _measure(settings, suffixes.prepare_build, arguments)
    return Table(
        title=f"Build of a suffix array of {megabytes:.0f} MB of {kind}",
        unit="MB of text a second",
        rows=[Row(system, megabytes, times[system], settings.limit) for system in systems],
        notes=(
            "From JSONL to finished files, over bytes. tokengrams holds bytes as 16-bit tokens, "
            "and sorts on all cores.",
        ),
    )


def _measure(
    settings: Settings,
    prepare: Callable[..., Callable[[], object]],
    arguments: Mapping[str, tuple[Any, ...]],
) -> dict[str, Time | None]:
    """Measure each system by turns, in processes of their own; give up who passes the limit."""
    times: dict[str, Time | None] = {}
    for turn in range(settings.repeats):
        for system, given in arguments.items():
            if turn and times[system] is None:
                continue
            time = in_child(prepare, given, settings.limit)
            times[system] = time and time.best(times.get(system))
    return times
