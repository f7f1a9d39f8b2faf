"""The gain of a second worker: the shards of a corpus, built by one worker and by two.

The workers are those of a Ray cluster, and beside it plain processes, which show what the machine
itself gains by a second core.
"""

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.corpora import split_corpus, write_jsonl
from benchmarks.memory import exchanged_copies
from benchmarks.settings import N, Settings
from benchmarks.table import Listing, number
from benchmarks.targets import target, targets
from benchmarks.timing import in_child
from quotetune import build_index

WORKERS = (1, 2)
SHARDS = 8


def tables(settings: Settings) -> list[Listing]:
    """Build the corpus with one and with two workers of one thread, on Ray and without it."""
    documents, _ = split_corpus(settings.demo, settings.text_bytes)
    copies = exchanged_copies(documents, settings.text_bytes, 1)
    path = write_jsonl(copies, settings.work / "ordinary" / "corpus.jsonl")
    best: dict[tuple[str, int], list[float]] = {}
    for _ in range(settings.repeats):
        for name, prepare in PREPARATIONS.items():
            for workers in WORKERS:
                phases = settings.work / f"phases-{workers}"
                arguments = (workers, path, settings.work / "shards-index", phases)
                if in_child(prepare, arguments, settings.limit) is None:
                    continue
                seconds = [float(line) for line in phases.read_text().split()]
                before = best.get((name, workers), seconds)
                best[name, workers] = [min(pair) for pair in zip(before, seconds, strict=True)]
    rows = [_row(name, workers, best) for name in PREPARATIONS for workers in WORKERS]
    one, two = (best.get((RAY, workers)) for workers in WORKERS)
    gain = one[0] / two[0] if one and two else None
    aim = target("a gain of 1.7 with two workers, at 1 GB or more", gain, least=1.7)
    return [
        Listing(
            heading=f"The shards of {settings.text_bytes / 1e6:,.0f} MB of text, by workers",
            header=("workers", "number", "shards, s", "gain", "start, s", "filter and merge, s"),
            rows=rows,
            notes=(
                f"{SHARDS} shards, one thread per worker, with the filter and the suffix array. The"
                " start is the plan, with its sample of the corpus. Plain processes run the same"
                f" `--shard I/{SHARDS}`, each with a filter of its own size, and merge nothing."
                f" {targets(aim)} This machine has {os.cpu_count()} cores, so the gain says little"
                " if other processes use one.",
            ),
        )
    ]


def _row(name: str, workers: int, best: dict[tuple[str, int], list[float]]) -> tuple[str, ...]:
    if (name, workers) not in best:
        return name, str(workers), "given up"
    shards, *others = best[name, workers]
    one = best.get((name, WORKERS[0]))
    gain = "" if one is None else f"{one[0] / shards:.2f}"
    return name, str(workers), number(shards), gain, *map(number, others)


def prepare_ray(workers: int, corpus: Path, output: Path, phases: Path) -> Callable[[], object]:
    """Start a cluster of so many workers; return the build, which writes its phases' times."""
    import ray

    from quotetune.distributed.build import build_on_ray

    ray.init(
        address="local",
        num_cpus=workers,
        object_store_memory=100_000_000,
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    ray.get([ray.remote(lambda: time.sleep(0.5)).remote() for _ in range(workers)])

    def build() -> None:
        times = [time.perf_counter()]

        def note(phase: str, done: int, total: int) -> None:
            if phase == "shards" and (done == 0 or done == total):
                times.append(time.perf_counter())

        build_on_ray([corpus], output, shards=SHARDS, threads=1, n=N, overwrite=True, progress=note)
        times.append(time.perf_counter())
        start, begun, *_, built, end = times
        phases.write_text(f"{built - begun}\n{begun - start}\n{end - built}\n", "utf-8")

    return build


def prepare_processes(
    workers: int, corpus: Path, output: Path, phases: Path
) -> Callable[[], object]:
    """Start so many processes; return the build of the shards, which writes its time."""
    pool = ProcessPoolExecutor(workers, get_context("spawn"))
    list(pool.map(time.sleep, [0.5] * workers))

    def build() -> None:
        start = time.perf_counter()
        numbers = range(1, SHARDS + 1)
        waiting = [pool.submit(_build_shard, corpus, output, number) for number in numbers]
        for shard in waiting:
            shard.result()
        phases.write_text(f"{time.perf_counter() - start}\n", "utf-8")
        pool.shutdown()

    return build


def _build_shard(corpus: Path, output: Path, number: int) -> None:
    directory = output.with_name(f"{output.name}-{number}")
    build_index(corpus, directory, n=N, threads=1, shard=f"{number}/{SHARDS}", overwrite=True)


RAY = "Ray"
PREPARATIONS = {RAY: prepare_ray, "processes": prepare_processes}
