"""The gain of a second thread: each piece of work on one thread and on two."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import filters
from benchmarks.corpora import half_quoted, read_jsonl, split_corpus, write_jsonl
from benchmarks.count import drawn_phrases
from benchmarks.settings import N, Settings
from benchmarks.suffixes import MAX_DOCUMENTS
from benchmarks.table import Listing, number
from benchmarks.targets import target, targets
from benchmarks.timing import Time, in_child
from quotetune import Index, build_index

THREADS = (1, 2)
TEXTS = 4000
CHARS = 2000
PHRASES = 50_000
# One thread sorts a segment, so there must be several for each thread.
SEGMENTS = 8
WORK = {
    "filter build": "bloom",
    f"suffix array build, {SEGMENTS} segments": "suffix",
    "score": "score",
    "trace": "trace",
    "count": "count",
}


def tables(settings: Settings) -> list[Listing]:
    """Measure builds and queries on one thread and on two."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    asked = settings.work / "asked"
    write_jsonl(half_quoted(corpus, held_out, TEXTS, CHARS), asked / "texts.jsonl")
    write_jsonl(drawn_phrases((corpus, held_out), PHRASES), asked / "phrases.jsonl")
    build_index(path, settings.work / "threads-index", n=N, overwrite=True)
    each = max(settings.text_bytes // SEGMENTS, 1)
    times: dict[tuple[str, int], Time] = {}
    for _ in range(settings.repeats):
        for work in WORK.values():
            for threads in THREADS:
                arguments = (work, threads, path, settings.work, each)
                time = in_child(prepare, arguments, settings.limit)
                if time is not None:
                    times[work, threads] = time.best(times.get((work, threads)))
    rows = [
        (name, *_cells([times.get((work, threads)) for threads in THREADS]))
        for name, work in WORK.items()
    ]
    return [
        Listing(
            heading=f"One thread and two, with {sum(map(len, corpus)) / 1e6:.0f} MB of text",
            header=("work", "1 thread, s", "2 threads, s", "gain"),
            rows=rows,
            notes=(
                f"Wall time, for {TEXTS:,} texts of {CHARS} characters and {PHRASES:,} phrases. "
                f"{_aims(times)} This machine has {os.cpu_count()} cores, so the gain says little "
                "if other processes use one of them.",
            ),
        )
    ]


def _aims(times: Mapping[tuple[str, int], Time]) -> str:
    """Say whether every kind of work gains enough; the smallest gain decides."""
    one, two = THREADS
    gains = [
        times[work, one].wall / times[work, two].wall
        for work in WORK.values()
        if (work, one) in times and (work, two) in times
    ]
    smallest = min(gains) if len(gains) == len(WORK) else None
    return targets(target("a gain of 1.7 everywhere", smallest, least=1.7))


def _cells(times: list[Time | None]) -> list[str]:
    cells = [number(time.wall) if time else "given up" for time in times]
    one, two = times
    return [*cells, f"{one.wall / two.wall:.2f}" if one and two else ""]


def prepare(
    work: str, threads: int, corpus: Path, place: Path, segment_bytes: int
) -> Callable[[], object]:
    """Prepare a piece of work, in a child process.

    Args:
        work: One of the values of `WORK`.
        threads: Number of threads.
        corpus: The JSONL file.
        place: Directory of the index and the queries.
        segment_bytes: Bytes of text per segment of a suffix array.

    Returns:
        The call that does the work.
    """
    # Rayon reads this when the first call creates its threads.
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    if work == "bloom":
        return lambda: filters.build(corpus, place / "threads-bloom", threads=threads)
    if work == "suffix":
        return lambda: build_index(
            corpus,
            place / "threads-suffix",
            n=N,
            structures=["suffix"],
            threads=threads,
            segment_bytes=segment_bytes,
            overwrite=True,
        )
    index = Index.open(place / "threads-index")
    texts = list(read_jsonl(place / "asked" / "texts.jsonl"))
    phrases = list(read_jsonl(place / "asked" / "phrases.jsonl"))
    calls: dict[str, Callable[[], object]] = {
        "score": lambda: index.quip(texts),
        "trace": lambda: index.trace(texts, N, MAX_DOCUMENTS),
        "count": lambda: index.count(phrases),
    }
    # The first call maps the pages in.
    calls[work]()
    return calls[work]
