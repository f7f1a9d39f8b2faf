"""Scoring: computing the QUIP of a list of texts from Python."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import filters, limits
from benchmarks.corpora import first_of, half_quoted, split_corpus, write_jsonl
from benchmarks.settings import (
    ABLOOM,
    BLOOM_SYSTEMS,
    FUSE,
    LIMIT,
    QUOTETUNE,
    RBLOOM,
    SET,
    N,
    Settings,
)
from benchmarks.table import Row, Table
from benchmarks.targets import rate, target, targets, times_as_fast
from benchmarks.timing import by_turns

TEXTS = 1000
CHARS = 2000
# A filter of this many characters takes half a megabyte, less than the L2 cache of a core.
SMALL_TEXT = 300_000


def tables(settings: Settings) -> list[Table]:
    """Measure the scoring of texts, half of whose fragments occur in the corpus."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    return [_large(settings, corpus, held_out), _small(settings, corpus, held_out)]


def _large(settings: Settings, corpus: Sequence[str], held_out: Sequence[str]) -> Table:
    path = write_jsonl(corpus, settings.work / "large" / "corpus.jsonl")
    index = settings.work / "large" / "index"
    room = filters.room_of(settings.filter_bytes)
    filters.build(path, index, room)
    # A peer takes minutes to fill, so it gets only the documents that the texts quote.
    quoted = first_of(corpus, settings.peer_bytes)
    less = write_jsonl(quoted, settings.work / "large" / "quoted.jsonl")
    texts = half_quoted(quoted, held_out, TEXTS, CHARS)
    fuse = settings.work / "large" / "fuse"
    filters.build_fuse(path, fuse)
    places = {FUSE: fuse}
    # A set of this much text takes more memory than many machines have.
    systems = tuple(system for system in settings.filters() if system != SET)
    megabytes = sum(map(len, corpus)) / 1e6
    return _table(
        settings,
        {
            system: partial(filters.scorer(system, less, places.get(system, index), room), texts)
            for system in systems
        },
        texts,
        index,
        "a large filter",
        f"quotetune's filter holds the {filters.count_distinct(index):,} distinct 25-grams of "
        f"{megabytes:.0f} MB, with room for {room:,}. `{FUSE}` holds the same 25-grams in "
        f"{filters.filter_size(fuse) / 2**20:,.1f} MiB, without further room. The peers' filters "
        "are made for as many 25-grams as quotetune's, and hold the "
        f"{sum(map(len, quoted)) / 1e6:.0f} MB that the texts quote.",
        lambda rows: targets(
            target("80 million per second", rate(rows, QUOTETUNE), least=80),
            target("8 times the faster peer", times_as_fast(rows, {RBLOOM, ABLOOM}), least=8),
        ),
    )


def _small(settings: Settings, corpus: Sequence[str], held_out: Sequence[str]) -> Table:
    quoted = first_of(corpus, min(SMALL_TEXT, settings.text_bytes))
    path = write_jsonl(quoted, settings.work / "small" / "corpus.jsonl")
    index = settings.work / "small" / "index"
    filters.build(path, index)
    texts = half_quoted(quoted, held_out, TEXTS, CHARS)
    distinct = filters.count_distinct(index)
    systems = settings.chosen(BLOOM_SYSTEMS)
    return _table(
        settings,
        {
            system: partial(filters.scorer(system, path, index, distinct), texts)
            for system in systems
        },
        texts,
        index,
        "an L2-sized filter",
        f"The filters hold {distinct:,} distinct 25-grams.",
        lambda rows: targets(target("250 million per second", rate(rows, QUOTETUNE), least=250)),
    )


def _table(
    settings: Settings,
    calls: dict[str, Callable[[], object]],
    texts: Sequence[str],
    index: Path,
    kind: str,
    note: str,
    aims: Callable[[Sequence[Row]], str],
) -> Table:
    # The first call maps the pages in.
    for call in calls.values():
        call()
    times = by_turns(calls, settings.repeats)
    windows = sum(len(text) - N + 1 for text in texts)
    rows = [Row(system, windows / 1e6, times[system]) for system in calls]
    size = filters.filter_size(index)
    if LIMIT in settings.systems:
        rows.append(limits.limit_row(windows / 1e6, windows * limits.reads(size).independent))
    return Table(
        title=f"QUIP of {TEXTS} texts of {CHARS} characters, {kind} of {size / 2**20:,.1f} MiB",
        unit="million 25-grams per second",
        rows=rows,
        notes=(
            f"`{QUOTETUNE}` takes a list of `str` and returns a score for each. The peers take "
            "slices of the texts, and the time of slicing counts. Half of each text occurs in the "
            "corpus.",
            f"{note} {aims(rows)} The limit reads one cache line per 25-gram.",
        ),
    )
