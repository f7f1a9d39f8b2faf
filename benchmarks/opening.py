"""Opening an index, or several as one, which reads only headers, however large they are."""

import mmap
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import filters, suffixes
from benchmarks.corpora import first_of, split_corpus, write_jsonl
from benchmarks.settings import LIMIT, QUOTETUNE, TOKENGRAMS, N, Settings
from benchmarks.table import Row, Table, number
from benchmarks.targets import seconds_each, target, targets
from benchmarks.timing import by_turns, in_child
from quotetune import Index, build_index
from quotetune.corpus.verify import check_identities

TIMES = 50
# A peer takes seconds, because it reads its whole file.
PEER_TIMES = 2
# The text is divided by each of these; the first is all of it.
SHARES = (1, 10, 100)
# Indexes that are opened as one, of all of the text together.
PARTS = 10


def tables(settings: Settings) -> list[Table]:
    """Measure how long indexes of several sizes take to open."""
    corpus, _ = split_corpus(settings.demo, settings.text_bytes)
    opened: dict[str, Callable[[], object]] = {}
    times_each: dict[str, int] = {}
    touched: list[str] = []
    first = settings.work / "open-1"
    for share in SHARES:
        documents = first_of(corpus, settings.text_bytes // share)
        path = write_jsonl(documents, settings.work / f"open-{share}.jsonl")
        place = settings.work / f"open-{share}"
        build_index(path, place, n=N, overwrite=True)
        opened[f"{QUOTETUNE}, {_megabytes(place)}"] = partial(Index.open, place)
        touched.append(f"{_pages(place)} at {_megabytes(place)}")
    large = settings.work / "open-filter"
    filters.build(settings.work / "open-1.jsonl", large, filters.room_of(settings.filter_bytes))
    name = f"{QUOTETUNE}, filter alone, {_megabytes(large)}"
    opened[name] = partial(Index.open, large)
    parts = _built_parts(settings, first_of(corpus, settings.text_bytes))
    opened[f"{QUOTETUNE}, {PARTS} indexes as one"] = partial(Index.open, parts)
    together = Index.open(parts)
    looks = f"no document twice among {len(together):,} of {PARTS} indexes"
    opened[looks] = partial(check_identities, together)
    if TOKENGRAMS in settings.systems:
        less = write_jsonl(first_of(corpus, settings.peer_bytes), settings.work / "peer.jsonl")
        theirs = settings.work / "open-tokengrams"
        arguments = (TOKENGRAMS, less, theirs)
        if in_child(suffixes.prepare_build, arguments, settings.limit) is not None:
            name = f"{TOKENGRAMS}, {_megabytes(theirs)}"
            opened[name] = partial(suffixes.open_tokengrams, theirs)
            times_each[name] = PEER_TIMES
    if LIMIT in settings.systems:
        opened[LIMIT] = partial(_map_files, first)
    calls = {
        name: partial(_repeat, call, times_each.get(name, TIMES)) for name, call in opened.items()
    }
    times = by_turns(calls, settings.repeats)
    rows = [Row(name, times_each.get(name, TIMES), times[name]) for name in calls]
    ours = [seconds_each(rows, name, 1e3) for name in calls if name.startswith(QUOTETUNE)]
    slowest = max(time for time in ours if time is not None)
    aims = targets(target("5 ms for any size", slowest, most=5))
    return [
        Table(
            title="Opening an index",
            unit="milliseconds",
            rows=rows,
            seconds_each=1000.0,
            notes=(
                "The sizes are those of the files, which are in the page cache. Page faults per "
                f"opening, in pages of {mmap.PAGESIZE} bytes: {'; '.join(touched)}. "
                f"{aims} The limit opens and maps the files of the first row. The row of no "
                "document twice is the check that `verify` makes of indexes opened as one.",
            ),
        )
    ]


def _built_parts(settings: Settings, documents: list[str]) -> list[Path]:
    made = []
    for part in range(PARTS):
        # The files have different names, and with them the sources of the documents.
        path = write_jsonl(documents[part::PARTS], settings.work / f"open-part-{part}.jsonl")
        made.append(settings.work / f"open-part-{part}")
        build_index(path, made[-1], n=N, overwrite=True)
    return made


def _megabytes(index: Path) -> str:
    return f"{number(sum(path.stat().st_size for path in index.iterdir()) / 1e6)} MB"


def _pages(index: Path) -> int:
    """Count the page faults of an opening; the first one also touches the program's own pages."""
    Index.open(index)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    kept = Index.open(index)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    del kept
    return faults


def _repeat(call: Callable[[], object], times: int) -> None:
    for _ in range(times):
        call()


def _map_files(index: Path) -> None:
    for path in index.iterdir():
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            mapped[0]
