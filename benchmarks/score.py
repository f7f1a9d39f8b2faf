"""Scoring: QUIP of a list of texts, from Python."""

from collections.abc import Callable
from functools import partial

from benchmarks import filters
from benchmarks.corpora import half_quoted, split_corpus, write_jsonl
from benchmarks.settings import BLOOM_SYSTEMS, N, Settings
from benchmarks.table import Row, Table
from benchmarks.timing import by_turns

TEXTS = 1000
CHARS = 2000


def tables(settings: Settings) -> list[Table]:
    """Measure the scoring of texts, half of whose fragments stand in the corpus."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    index = settings.work / "bloom"
    filters.build(path, index)
    texts = half_quoted(corpus, held_out, TEXTS, CHARS)
    calls: dict[str, Callable[[], object]] = {
        system: partial(filters.scorer(system, path, index), texts)
        for system in settings.chosen(BLOOM_SYSTEMS)
    }
    times = by_turns(calls, settings.repeats)
    millions = sum(len(text) - N + 1 for text in texts) / 1e6
    distinct = filters.count_distinct(index)
    return [
        Table(
            title=f"QUIP of {TEXTS} texts of {CHARS} characters",
            unit="million 25-grams a second",
            rows=[Row(system, millions, times[system]) for system in calls],
            notes=(
                f"Filters of {distinct:,} distinct 25-grams, in memory; a list of `str` in, a "
                "score for each out. Half of each text stands in the corpus.",
            ),
        )
    ]
