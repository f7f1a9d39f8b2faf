"""Queries of an index with several segments, and of one with the same text in one segment."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.corpora import DOCUMENT_CHARS, half_quoted, split_corpus, write_jsonl
from benchmarks.count import BATCH, drawn_phrases
from benchmarks.settings import QUOTETUNE, N, Settings
from benchmarks.suffixes import MAX_DOCUMENTS
from benchmarks.table import Row, Table
from benchmarks.timing import by_turns
from quotetune import Index, build_index

SEGMENTS = (1, 4, 16)
TEXTS = 1000
CHARS = 2000


def tables(settings: Settings) -> list[Table]:
    """Measure traces and counts at several numbers of segments."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    texts = half_quoted(corpus, held_out, TEXTS, CHARS)
    phrases = drawn_phrases((corpus, held_out), BATCH)
    # A byte follows each document, and none is split, so a segment is a little short of its share.
    size = sum(len(document) + 1 for document in corpus)
    longest = min(DOCUMENT_CHARS, settings.text_bytes // 100)
    indexes: dict[str, Index] = {}
    for segments in SEGMENTS:
        place = settings.work / f"segments-{segments}"
        each = -(-size // segments) + longest
        index = build_index(path, place, n=N, segment_bytes=each, threads=1, overwrite=True)
        indexes[f"{QUOTETUNE}, segments: {count_segments(place)}"] = index
    traces: dict[str, Callable[[], object]] = {
        name: partial(index.trace, texts, N, MAX_DOCUMENTS) for name, index in indexes.items()
    }
    counts: dict[str, Callable[[], object]] = {
        name: partial(index.count, phrases) for name, index in indexes.items()
    }
    answers = [index.trace(texts[:100], N, MAX_DOCUMENTS) for index in indexes.values()]
    same = all(answer == answers[0] for answer in answers)
    traced, counted = by_turns(traces, settings.repeats), by_turns(counts, settings.repeats)
    megabytes = f"{sum(map(len, corpus)) / 1e6:.0f} MB of text"
    return [
        Table(
            title=f"Tracing texts of {CHARS} characters in {megabytes}",
            unit="milliseconds per text",
            rows=[Row(name, TEXTS, traced[name]) for name in indexes],
            seconds_each=1000.0,
            notes=(
                f"{TEXTS} texts at once. The answers are {'the same' if same else 'NOT the same'}.",
            ),
        ),
        Table(
            title=f"Counting phrases of 40 characters in {megabytes}",
            unit="microseconds per phrase",
            rows=[Row(name, BATCH, counted[name]) for name in indexes],
            seconds_each=1e6,
            notes=(f"{BATCH} phrases at once.",),
        ),
    ]


def count_segments(index: Path) -> int:
    """Return the number of segments of an index, from its manifest."""
    return len(json.loads((index / "manifest.json").read_text("utf-8"))["segments"])
