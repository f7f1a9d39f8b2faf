"""The gain of a second worker: the shards of a corpus, built on a cluster of one and of two."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.corpora import split_corpus, write_jsonl
from benchmarks.settings import N, Settings
from benchmarks.table import Listing, number
from benchmarks.targets import target, targets
from benchmarks.timing import in_child

WORKERS = (1, 2)
SHARDS = 8


def tables(settings: Settings) -> list[Listing]:
    """Build the corpus on clusters of one and of two workers, each of one thread."""
    corpus, _ = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    best: dict[int, list[float]] = {}
    for _ in range(settings.repeats):
        for workers in WORKERS:
            phases = settings.work / f"phases-{workers}"
            arguments = (workers, path, settings.work / "shards-index", phases)
            if in_child(prepare, arguments, settings.limit) is None:
                continue
            seconds = [float(line) for line in phases.read_text().split()]
            before = best.get(workers, seconds)
            best[workers] = [min(pair) for pair in zip(before, seconds, strict=True)]
    rows = [
        (str(workers), *map(number, best[workers]))
        if workers in best
        else (str(workers), "given up")
        for workers in WORKERS
    ]
    one, two = (best.get(workers) for workers in WORKERS)
    gain = one[1] / two[1] if one and two else None
    aim = target("a gain of 1.7 with two workers, at 1 GB or more", gain, least=1.7)
    megabytes = sum(map(len, corpus)) / 1e6
    return [
        Listing(
            heading=f"The shards of {megabytes:.0f} MB of text on a Ray cluster of this machine",
            header=("workers", "start, s", "shards, s", "merge, s"),
            rows=rows,
            notes=(
                f"{SHARDS} shards, one thread per task, with the filter and the suffix array. The"
                f" start is the plan, with its sample of the corpus. {targets(aim)} This machine"
                f" has {os.cpu_count()} cores, so the gain says little if other processes use one.",
            ),
        )
    ]


def prepare(workers: int, corpus: Path, output: Path, phases: Path) -> Callable[[], object]:
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
        phases.write_text(f"{begun - start}\n{built - begun}\n{end - built}\n", "utf-8")

    return build
