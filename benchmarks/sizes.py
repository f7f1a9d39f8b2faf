"""What an index takes on the disk, and how often its filter errs."""

import json
import random
import string
from collections.abc import Sequence
from pathlib import Path

from benchmarks import filters
from benchmarks.corpora import first_of, split_corpus, write_jsonl
from benchmarks.settings import FPR, N, Settings
from benchmarks.table import Listing
from quotetune import Index, build_index

# Characters asked about: enough for some thousand errors at the rate of the filters.
RANDOM_CHARS = 5_000_000
HELD_OUT_CHARS = 2_000_000
TEXT_CHARS = 2000
STRUCTURES = ("suffix", "lean")
# Files of a segment without which there is nothing to answer from; the rest is what is sorted.
KEPT = (".text", ".documents")


def tables(settings: Settings) -> list[Listing]:
    """Measure the sizes of the structures, and the filter's false positives."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    chars = sum(map(len, corpus))
    return [_filter(settings, path, held_out, chars), _files(settings, path, chars)]


def _filter(settings: Settings, corpus: Path, held_out: Sequence[str], chars: int) -> Listing:
    place = settings.work / "sizes"
    index = build_index(corpus, place, n=N, fpr=FPR, threads=1, overwrite=True)
    manifest = json.loads((place / "manifest.json").read_text("utf-8"))
    size = filters.filter_size(place)
    distinct = filters.count_distinct(place)
    share = min(chars, RANDOM_CHARS)
    invented, real = random_texts(share), held_out_texts(held_out, min(chars, HELD_OUT_CHARS))
    return Listing(
        heading=f"The filter of {chars / 1e6:.0f} MB of text",
        header=("what", "number"),
        rows=[
            ("distinct 25-grams", f"{distinct:,}"),
            ("MiB on the disk", f"{size / 2**20:,.1f}"),
            ("bits a distinct 25-gram", f"{8 * size / distinct:.2f}"),
            ("false-positive rate asked for", _percent(FPR)),
            ("stated, from the fill", _percent(manifest["filters"][0]["fpr"])),
            ("measured, random letters", _measured(index, invented)),
            ("measured, documents held out", _measured(index, real)),
        ],
        notes=(
            "Measured: of the 25-grams that the suffix array does not find, those that the filter "
            "does. The classic Bloom filter takes 14.4 bits at this rate, and up to ten cache "
            "misses instead of one.",
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
        heading=f"Bytes of index a byte of text, {chars / 1e6:.0f} MB",
        header=("index", "text", "documents", "suffixes", "all files"),
        rows=rows,
        notes=("Without the filter. The text is kept to answer from; the corpus is not needed.",),
    )


def random_texts(chars: int, seed: int = 0) -> list[str]:
    """Texts of letters drawn at random: no corpus holds their 25-grams."""
    draw = random.Random(seed)
    count = max(chars // TEXT_CHARS, 1)
    return ["".join(draw.choices(string.ascii_lowercase, k=TEXT_CHARS)) for _ in range(count)]


def held_out_texts(documents: Sequence[str], chars: int, seed: int = 0) -> list[str]:
    """Documents in random order, so many that they have `chars` characters or are all."""
    return first_of(random.Random(seed).sample(documents, len(documents)), chars)


def _measured(index: Index, texts: Sequence[str]) -> str:
    absent = wrong = 0
    said, true = index.windows(texts), index.windows(texts, exact=True)
    for (_, guess), (_, exact) in zip(said, true, strict=True):
        absent += int((~exact).sum())
        wrong += int((guess & ~exact).sum())
    return f"{_percent(wrong / max(absent, 1))} ({wrong:,} of {absent:,})"


def _percent(rate: float) -> str:
    return f"{100 * rate:.4f}%"
