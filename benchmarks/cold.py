"""Traces, counts and scores by an index that is larger than the memory and not in the page cache.

A control group limits the memory, and read-ahead is the disk's default and 128 KiB. Each
measurement is a process of its own with cold files.
"""

import json
import random
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import confined, suffixes
from benchmarks.cold_queries import TEXT_READ
from benchmarks.corpora import half_quoted, split_corpus, write_jsonl
from benchmarks.count import drawn_phrases
from benchmarks.memory import exchanged_copies
from benchmarks.settings import INFINI_GRAM, QUOTETUNE, N, Settings
from benchmarks.table import Listing, number
from benchmarks.timing import in_child
from quotetune import build_index

# The memory of the queries and of the build, per byte of text, and the least that Python needs.
# 1.7 GB of text get 4 GiB.
MEMORY = 4 * 2**30 / 1.7e9
LEAST_MEMORY = 300 << 20
# Read-ahead besides the default, in KiB: what many distributions set.
LESS_READ_AHEAD = 128
TASKS = {
    QUOTETUNE: ("trace", "count", "score"),
    TEXT_READ: ("trace", "count"),
    INFINI_GRAM: ("trace", "count"),
}
# Queries that are measured cold and again at the end, and queries in all.
FIRST = 100
QUERIES = 5000
# Seconds of each measurement, and of the queries between them, at most.
SECONDS = 20.0
# infini-gram sorts about 3 MB of text per second on an idle core.
PATIENCE = 3600.0
# The unquoted parts of queries are from documents held out of so many characters.
HELD_OUT_FROM = 20_000_000
# Documents of the corpus that are quoted.
QUOTED = 4000
CHARS = 500
PHRASE_CHARS = (25, 100)

HEADER = (
    "system",
    "read-ahead, KiB",
    "queries before",
    "queries",
    "median, ms",
    "p95, ms",
    "MB read per query",
    "major faults per query",
)


def tables(settings: Settings) -> list[Listing]:
    """Measure every task at both distances of read-ahead."""
    confined.require_root()
    place = settings.cold_index or settings.work / "cold"
    files = {
        system: _prepared(settings, system, place)
        for system in settings.chosen((QUOTETUNE, INFINI_GRAM))
    }
    queries = _queries(settings, place)
    rows: dict[str, list[tuple[str, ...]]] = {task: [] for task in TASKS[QUOTETUNE]}
    memory = max(round(settings.cold_bytes * MEMORY), LEAST_MEMORY)
    queue = confined.queue_of(place)
    default = int((queue / "read_ahead_kb").read_text("utf-8"))
    asked = {TEXT_READ: files[QUOTETUNE], **files} if QUOTETUNE in files else files
    for system in filter(asked.__contains__, TASKS):
        for task in TASKS[system]:
            for distance in (default, LESS_READ_AHEAD):
                with confined.read_ahead(queue, distance):
                    phases = _asked(system, task, asked[system], queries[task], memory)
                rows[task] += [_row(system, distance, phase) for phase in phases]
    sizes = ", ".join(
        f"{system}'s {sum(file.stat().st_size for file in path.iterdir()) / 1e9:.1f} GB"
        for system, path in files.items()
    )
    notes = (
        f"{settings.cold_bytes / 1e6:,.0f} MB of text; indexes: {sizes}. The process has "
        f"{memory >> 20:,} MiB of memory, page cache included, and starts with none of the index "
        "in it. A host of a virtual machine may still cache the disk. "
        f"A text has {CHARS} characters, half of them from the corpus, and a phrase "
        f"{PHRASE_CHARS[0]} to {PHRASE_CHARS[1]}. Each is a call of its own, on one thread. The "
        f"first row of a setting has the first {FIRST} queries after opening, and the second has "
        f"{FIRST} after others, or fewer if they take more than {SECONDS:.0f} s. MB are read from "
        "the disk, by the process's own account, read-ahead included. A major fault waits for the "
        "disk; a page that was asked for in advance causes none.",
    )
    return [
        Listing(f"{task.capitalize()}, cold and larger than memory", HEADER, rows[task], notes)
        for task in rows
    ]


def _prepared(settings: Settings, system: str, place: Path) -> Path:
    """Return a system's index of the corpus. It is built if it is not there."""
    index = place / system
    if (place / f"{system}.done").exists():
        return index
    corpus = place / "corpus" / "corpus.jsonl"
    if not corpus.exists():
        documents, _ = split_corpus(settings.demo, settings.text_bytes)
        write_jsonl(exchanged_copies(documents, settings.cold_bytes, 1), corpus)
    if system == QUOTETUNE:
        limit = max(round(settings.cold_bytes * MEMORY), LEAST_MEMORY)
        build_index(corpus, index, n=N, memory_limit=limit, threads=1, overwrite=True)
    elif in_child(suffixes.prepare_build, (system, corpus, index), PATIENCE) is None:
        raise SystemExit(f"error: table cold: {system} was not built in {PATIENCE:.0f} s")
    (place / f"{system}.done").touch()
    return index


def _queries(settings: Settings, place: Path) -> dict[str, Path]:
    """Write the queries of each task. No query occurs in two of them."""
    corpus = place / "corpus" / "corpus.jsonl"
    _, held_out = split_corpus(settings.demo, min(settings.text_bytes, HELD_OUT_FROM))
    queries = {}
    for seed, task in enumerate(TASKS[QUOTETUNE]):
        quoted = drawn_documents(corpus, QUOTED, seed)
        if task == "count":
            draw = random.Random(seed)
            phrases = drawn_phrases((quoted, held_out), QUERIES, PHRASE_CHARS[1], seed)
            texts = [phrase[: draw.randint(*PHRASE_CHARS)] for phrase in phrases]
        else:
            texts = half_quoted(quoted, held_out, QUERIES, CHARS, seed)
        queries[task] = write_jsonl(texts, place / "queries" / f"{task}.jsonl")
    return queries


def drawn_documents(corpus: Path, count: int, seed: int = 0) -> list[str]:
    """Draw lines of a JSONL corpus without reading all of it; longer documents come less often."""
    draw = random.Random(seed)
    size = corpus.stat().st_size
    documents: list[str] = []
    with corpus.open("rb") as file:
        while len(documents) < count:
            file.seek(draw.randrange(size))
            file.readline()
            line = file.readline()
            if not line:
                # The line after the last is the first.
                file.seek(0)
                line = file.readline()
            documents.append(json.loads(line)["text"])
    return documents


def _asked(system: str, task: str, index: Path, queries: Path, memory: int) -> list[Any]:
    confined.forget(file for file in index.iterdir() if file.is_file())
    arguments = (system, task, index, queries, FIRST, SECONDS)
    command = [sys.executable, "-m", "benchmarks.cold_queries", *map(str, arguments)]
    with confined.limited_memory(memory) as group:
        printed = confined.output_in(group, command)
    phases: list[Any] = json.loads(printed.splitlines()[-1])
    return phases


def _row(system: str, distance: int, phase: dict[str, Any]) -> tuple[str, ...]:
    seconds: Sequence[float] = phase["seconds"]
    return (
        system,
        f"{distance:,}",
        f"{phase['queries']:,}",
        f"{len(seconds)}",
        number(1e3 * statistics.median(seconds)),
        number(1e3 * sorted(seconds)[len(seconds) * 95 // 100]),
        number(phase["read_bytes"] / 1e6 / len(seconds)),
        number(phase["major_faults"] / len(seconds)),
    )
