"""How the time of builds and queries grows with the corpus, as the exponent of a power law."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import filters
from benchmarks.corpora import first_of, half_quoted, split_corpus, write_jsonl
from benchmarks.count import BATCH, drawn_phrases
from benchmarks.settings import N, Settings
from benchmarks.suffixes import MAX_DOCUMENTS
from benchmarks.table import Listing, number
from benchmarks.timing import by_turns
from quotetune import Index, build_index

# The text is divided by each of these, evenly spaced on a logarithmic scale; the last is all of it.
SHARES = (32, 10, 3.2, 1)
TEXTS = 500
CHARS = 2000
HEADER = (
    "MB of text",
    "filter, s",
    "suffix, s",
    "lean, s",
    "score, µs per text",
    "trace, ms per text",
    "count, µs per phrase",
)


def tables(settings: Settings) -> list[Listing]:
    """Measure builds and queries at several sizes of the corpus."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    sizes: list[float] = []
    measured: list[list[float]] = []
    for share in SHARES:
        documents = first_of(corpus, round(settings.text_bytes / share))
        sizes.append(sum(map(len, documents)) / 1e6)
        measured.append(_measure(settings, documents, held_out))
    exponents = [fitted_exponent(sizes, column) for column in zip(*measured, strict=True)]
    rows = [(number(size), *map(number, row)) for size, row in zip(sizes, measured, strict=True)]
    rows.append(("exponent", *(f"{exponent:.2f}" for exponent in exponents)))
    return [
        Listing(
            heading="Time by corpus size",
            header=HEADER,
            rows=rows,
            notes=(
                "One thread, wall time, builds from JSONL to finished files. Each text has "
                f"{CHARS} characters, half of them from the corpus, and {TEXTS} texts are queried "
                f"at once. Each phrase has 40 characters, and {BATCH} are counted at once. The "
                "exponent is the slope of the logarithm of the time over the logarithm of the "
                "size, by least squares: 1 is linear growth, 0 is none. Queries slow down when "
                "the data that they read no longer fits in a cache.",
            ),
        )
    ]


def fitted_exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Fit a power law.

    Args:
        sizes: Sizes, each above 0.
        times: The time that each size took.

    Returns:
        The b of the best fit `a * size ** b`, by least squares of the logarithms.
    """
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def _measure(settings: Settings, documents: Sequence[str], held_out: Sequence[str]) -> list[float]:
    """Return the columns of `HEADER`, without the first."""
    path = write_jsonl(documents, settings.work / "growth" / "corpus.jsonl")
    place = settings.work / "growth"
    builds: dict[str, Callable[[], object]] = {
        "bloom": lambda: filters.build(path, place / "bloom"),
        "suffix": lambda: _build(path, place / "suffix", "suffix"),
        "lean": lambda: _build(path, place / "lean", "lean"),
    }
    built = by_turns(builds, settings.repeats)
    texts = half_quoted(documents, held_out, TEXTS, CHARS)
    phrases = drawn_phrases((documents, held_out), BATCH)
    scored = Index.open(place / "bloom")
    # A trace also queries the filter.
    traced = build_index(path, place / "both", n=N, threads=1, overwrite=True)
    queries: dict[str, Callable[[], object]] = {
        "score": lambda: scored.quip(texts),
        "trace": lambda: traced.trace(texts, N, MAX_DOCUMENTS),
        "count": lambda: traced.count(phrases),
    }
    for call in queries.values():
        call()
    asked = by_turns(queries, settings.repeats)
    return [
        *(built[name].wall for name in builds),
        asked["score"].wall / TEXTS * 1e6,
        asked["trace"].wall / TEXTS * 1e3,
        asked["count"].wall / BATCH * 1e6,
    ]


def _build(corpus: Path, output: Path, structure: str) -> Index:
    return build_index(corpus, output, n=N, structures=[structure], threads=1, overwrite=True)
