"""Queries of an index one by one, with the time and the reads of each phase.

`python -m benchmarks.cold_queries SYSTEM TASK INDEX QUERIES FIRST SECONDS` prints a JSON list of
two phases: the first queries after opening, and as many after others. Each phase, and the queries
between them, end after `SECONDS` in any case.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.corpora import read_jsonl
from benchmarks.settings import INFINI_GRAM, QUOTETUNE
from benchmarks.suffixes import infini_gram_engine, tracer
from quotetune import Index

Query = Callable[[str], object]
# quotetune after a program has read the text of the index, as `cat index/*.text` does.
TEXT_READ = f"{QUOTETUNE}, text read before"
# Bytes that are read at once.
PIECE = 1 << 20


@dataclass(frozen=True)
class Phase:
    """What some queries took.

    Attributes:
        queries: Number of queries that came before, since the index was opened.
        seconds: Time of each query.
        read_bytes: Bytes that the process read from the disk for all of them together.
        major_faults: Times that it waited for a page of a file.
    """

    queries: int
    seconds: Sequence[float]
    read_bytes: int
    major_faults: int


def query_of(system: str, task: str, index: Path) -> Query:
    """Open an index and return the call that answers one query.

    Args:
        system: `quotetune`, `TEXT_READ` or `infini-gram`.
        task: `trace`, `count` or `score`.
        index: Directory of the system's index.
    """
    if system == TEXT_READ:
        for file in index.glob("*.text"):
            _read(file)
        system = QUOTETUNE
    if task == "trace":
        return tracer(system, index, index)
    if system == INFINI_GRAM and task == "count":
        engine = infini_gram_engine(index)
        return lambda text: engine.count(input_ids=list(text.encode()))["count"]
    if system == QUOTETUNE:
        opened = Index.open(index)
        calls: dict[str, Query] = {
            "count": lambda text: opened.count([text]),
            "score": lambda text: opened.quip([text]),
        }
        return calls[task]
    raise ValueError(f"{system} has no {task}")


def _read(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(PIECE):
            pass


def measured(query: Query, texts: Sequence[str], first: int, limit: float) -> list[Phase]:
    """Measure the first and the last queries; between them, ask the others.

    Args:
        query: The call that answers one query.
        texts: The queries.
        first: How many are measured at the start and at the end.
        limit: Seconds after which each of the three parts ends, if it has asked one query.
    """
    cold = _phase(query, texts[:first], 0, limit)
    between = _phase(query, texts[first:-first], len(cold.seconds), limit)
    before = len(cold.seconds) + len(between.seconds)
    return [cold, _phase(query, texts[-first:], before, limit)]


def _phase(query: Query, texts: Iterable[str], before: int, limit: float) -> Phase:
    seconds: list[float] = []
    bytes_before, faults_before = _reads()
    end = time.monotonic() + limit
    for text in texts:
        if seconds and time.monotonic() > end:
            break
        start = time.perf_counter()
        query(text)
        seconds.append(time.perf_counter() - start)
    read, faults = _reads()
    return Phase(before, seconds, read - bytes_before, faults - faults_before)


def _reads() -> tuple[int, int]:
    """Return the bytes that all threads of this process have read, and their major faults."""
    lines = Path("/proc/self/io").read_text("utf-8").splitlines()
    numbers = dict(line.split(": ") for line in lines)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    return int(numbers["read_bytes"]), faults


def main() -> None:
    """Answer the queries of a file and print the phases."""
    system, task, index, queries, first, limit = sys.argv[1:]
    texts = list(read_jsonl(Path(queries)))
    phases = measured(query_of(system, task, Path(index)), texts, int(first), float(limit))
    print(json.dumps([asdict(phase) for phase in phases]))


if __name__ == "__main__":
    main()
