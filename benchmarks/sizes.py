"""The size of an index on the disk, and the false-positive rate of its filters."""

import random
import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import filters
from benchmarks.corpora import first_of, split_corpus, write_jsonl
from benchmarks.settings import FPR, N, Settings
from benchmarks.table import Listing
from quotetune import build_index

# Characters to query: enough for several thousand false positives at the rate of a Bloom filter.
RANDOM_CHARS = 5_000_000
HELD_OUT_CHARS = 2_000_000
TEXT_CHARS = 2000
STRUCTURES = ("suffix", "lean")
# For each text, whether each of its windows occurs in the corpus.
Windows = list[tuple[str, NDArray[np.bool_]]]
# Files of a segment that every answer needs; the other files are the sorted suffixes.
KEPT = (".text", ".documents")


def tables(settings: Settings) -> list[Listing]:
    """Measure the sizes of the structures and the false positives of both filters."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    chars = sum(map(len, corpus))
    return [_filters(settings, path, held_out, chars), _files(settings, path, chars)]


def _filters(settings: Settings, corpus: Path, held_out: Sequence[str], chars: int) -> Listing:
    exact = build_index(
        corpus, settings.work / "exact", structures=["suffix"], n=N, threads=1, overwrite=True
    )
    # By the requested rate; the rate of a fuse filter follows from its fingerprints.
    built = {
        _percent(FPR): filters.build(corpus, settings.work / "bloom"),
        "none": filters.build_fuse(corpus, settings.work / "fuse"),
    }
    texts = {
        "random letters": random_texts(min(chars, RANDOM_CHARS)),
        "documents held out": held_out_texts(held_out, min(chars, HELD_OUT_CHARS)),
    }
    true = {name: exact.windows(given, exact=True) for name, given in texts.items()}
    # The fuse filter counts them exactly, and the Bloom filter estimates them.
    distinct = filters.count_distinct(settings.work / "fuse")
    columns = []
    for asked, index in built.items():
        size = filters.filter_size(index.path)
        measured = [_measured(index.windows(texts[name]), true[name]) for name in texts]
        columns.append(
            (
                f"{filters.count_distinct(index.path):,}",
                f"{size / 2**20:,.1f}",
                f"{8 * size / distinct:.2f}",
                asked,
                _percent(filters.stated_fpr(index.path)),
                *measured,
            )
        )
    names = (
        "distinct 25-grams, by its manifest",
        "MiB on the disk",
        "bits per distinct 25-gram",
        "false-positive rate asked for",
        "stated",
        *(f"measured, {name}" for name in texts),
    )
    return Listing(
        heading=f"Filters of {chars / 1e6:.0f} MB of text",
        header=("what", "bloom", "fuse"),
        rows=[tuple(row) for row in zip(names, *columns, strict=True)],
        notes=(
            "The measured rate is the share of 25-grams that the filter finds, among those that "
            "the suffix array does not find. bloom estimates the number of distinct 25-grams, and "
            "fuse counts them; the bits use the count. bloom states the rate that follows from its "
            "fill, and fuse the rate of its 16-bit fingerprints. The classic Bloom filter takes "
            "14.4 bits at 0.1%, and up to ten cache misses instead of one.",
        ),
    )


def _files(settings: Settings, corpus: Path, chars: int) -> Listing:
    rows = []
    for structure in STRUCTURES:
        place = settings.work / f"sizes-{structure}"
        build_index(corpus, place, n=N, structures=[structure], threads=1, overwrite=True)
        files = {path: path.stat().st_size for path in place.iterdir()}
        total = sum(files.values())
        kept = [sum(files[path] for path in files if path.suffix == end) for end in KEPT]
        rows.append(
            (structure, *(f"{size / chars:.3f}" for size in (*kept, total - sum(kept), total)))
        )
    return Listing(
        heading=f"Bytes of index per byte of text, {chars / 1e6:.0f} MB",
        header=("index", "text", "documents", "suffixes", "all files"),
        rows=rows,
        notes=("Without the filter. The index keeps the text, so queries do not need the corpus.",),
    )


def random_texts(chars: int, seed: int = 0) -> list[str]:
    """Make texts of random letters; no corpus contains their 25-grams."""
    draw = random.Random(seed)
    count = max(chars // TEXT_CHARS, 1)
    return ["".join(draw.choices(string.ascii_lowercase, k=TEXT_CHARS)) for _ in range(count)]


def held_out_texts(documents: Sequence[str], chars: int, seed: int = 0) -> list[str]:
    """Draw documents in random order, up to `chars` characters or all of them."""
    return first_of(random.Random(seed).sample(documents, len(documents)), chars)


def _measured(said: Windows, true: Windows) -> str:
    absent = wrong = 0
    for (_, guess), (_, exact) in zip(said, true, strict=True):
        absent += int((~exact).sum())
        wrong += int((guess & ~exact).sum())
    return f"{_percent(wrong / max(absent, 1))} ({wrong:,} of {absent:,})"


def _percent(rate: float) -> str:
    return f"{100 * rate:.4f}%"
