"""Membership of 25-grams: quotetune's filters, a set, and Bloom filters of other packages.

The peers hold Python objects, so each 25-gram is a slice of the text, and the time of slicing
counts. They are given the number of distinct 25-grams, which quotetune counts itself.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpora import read_jsonl
from benchmarks.settings import ABLOOM, FPR, FUSE, QUOTETUNE, RBLOOM, SET, N
from quotetune import Index, build_index
from quotetune._core import bits_for_fpr

Scorer = Callable[[Sequence[str]], list[float]]


def prepare_build(system: str, corpus: Path, output: Path, distinct: int) -> Callable[[], object]:
    """Prepare to build a filter of a JSONL corpus.

    Args:
        system: The system's name.
        corpus: The JSONL file.
        output: Where quotetune writes its filter; the peers' stay in memory.
        distinct: The number of distinct 25-grams.

    Returns:
        The call that builds it.
    """
    if system == QUOTETUNE:
        return lambda: build(corpus, output)
    if system == FUSE:
        return lambda: build_fuse(corpus, output)
    empty = _empty(system, distinct)
    return lambda: _fill(empty, read_jsonl(corpus))


def build(corpus: Path, output: Path, room: int | None = None, threads: int = 1) -> Index:
    """Build quotetune's filter of a JSONL corpus, with room for `room` n-grams if given."""
    return build_index(
        corpus,
        output,
        structures=["bloom"],
        n=N,
        fpr=FPR,
        expected_ngrams=room,
        threads=threads,
        overwrite=True,
    )


def build_fuse(corpus: Path, output: Path) -> Index:
    """Build quotetune's fuse filter of a JSONL corpus, on one thread."""
    return build_index(corpus, output, structures=["fuse"], n=N, threads=1, overwrite=True)


def room_of(filter_bytes: int) -> int:
    """Return the number of distinct n-grams that a filter of this size holds at the rate `FPR`."""
    return math.ceil(filter_bytes * 8 / bits_for_fpr(FPR))


def count_distinct(index: Path) -> int:
    """Return the number of distinct 25-grams in the manifest: a Bloom estimate, or a fuse count."""
    return sum(entry["distinct_ngrams"] for entry in _entries(index))


def stated_fpr(index: Path) -> float:
    """Return the false-positive rate that the manifest of an index with one filter states."""
    [entry] = _entries(index)
    return float(entry["fpr"])


def filter_size(index: Path) -> int:
    """Return the size of an index's filters on the disk, in bytes."""
    return sum(path.stat().st_size for path in index.glob("filter-*"))


def scorer(system: str, corpus: Path, index: Path, room: int) -> Scorer:
    """Make a call that computes the QUIP of each of several texts.

    Args:
        system: The system's name.
        corpus: The JSONL file.
        index: quotetune's index of it, with the filter to query.
        room: Number of distinct n-grams for which a peer's filter is made.

    Returns:
        The call.
    """
    if system in (QUOTETUNE, FUSE):
        opened = Index.open(index)
        return lambda texts: opened.quip(texts).tolist()
    contains = _fill(_empty(system, room), read_jsonl(corpus)).__contains__
    return lambda texts: [sum(map(contains, slices(text))) / (len(text) - N + 1) for text in texts]


def slices(text: str) -> list[str]:
    """Return all 25-grams of a text."""
    return [text[start : start + N] for start in range(len(text) - N + 1)]


def _entries(index: Path) -> list[dict[str, Any]]:
    manifest = json.loads((index / "manifest.json").read_text("utf-8"))
    fuse = manifest.get("fuse_filter")
    return [*manifest["filters"], *([fuse] if fuse else [])]


def _empty(system: str, distinct: int) -> Any:
    if system == SET:
        return set()
    if system == RBLOOM:
        from rbloom import Bloom

        return Bloom(distinct, FPR)
    if system == ABLOOM:
        from abloom import BloomFilter

        return BloomFilter(distinct, FPR)
    raise ValueError(system)


def _fill(members: Any, documents: Iterable[str]) -> Any:
    for document in documents:
        members.update(slices(document))
    return members
