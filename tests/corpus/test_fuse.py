"""The fuse filter, for a corpus that does not change."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quotetune import (
    Document,
    Index,
    QuotetuneError,
    add,
    build_index,
    compact,
    merge,
    remove,
)

N = 25
FPR = 2**-16
LOREM = "It was the best of times, it was the worst of times, it was the age of wisdom."


def random_texts(seed: int, count: int, length: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefgh ijkl", k=length)) for _ in range(count)]


def filter_entry(index: Index) -> dict[str, Any]:
    manifest = json.loads((index.path / "manifest.json").read_text())
    assert manifest["filters"] == [] and manifest["sizing"] is None
    return manifest["fuse_filter"]


def ngrams(index: Index, texts: list[str]) -> set[str]:
    normalized = [text for text, _ in index.windows(texts)]
    return {text[at : at + N] for text in normalized for at in range(len(text) - N + 1)}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, list[str]]:
    """A filter of two partitions."""
    texts = random_texts(0, 290, 10_000)
    texts += texts[:20]
    output = tmp_path_factory.mktemp("large") / "index"
    return build_index(texts, output, structures="fuse"), texts


def test_a_million_ngrams_take_less_than_eighteen_and_a_half_bits_each(
    large: tuple[Index, list[str]],
) -> None:
    index, texts = large
    entry = filter_entry(index)
    distinct = len(ngrams(index, texts))
    assert distinct > 2_800_000
    assert (entry["distinct_ngrams"], entry["partitions"]) == (distinct, 2)
    size = (index.path / "filter-00000.fuse").stat().st_size
    assert size == entry["file"]["size"]
    assert 18 <= size * 8 / distinct <= 18.5


def test_no_ngram_of_the_corpus_is_missed_and_others_are_found_at_the_stated_rate(
    large: tuple[Index, list[str]],
) -> None:
    index, texts = large
    assert index.fpr == FPR
    assert all(score == 1 for score in index.quip(texts))
    strangers = random_texts(1, 300, 10_000)
    reports = index.score(strangers)
    asked = sum(report.denominator for report in reports)
    false = sum(report.numerator for report in reports)
    assert asked > 2_000_000
    # Five standard deviations of the binomial distribution.
    assert abs(false - asked * FPR) <= 5 * (asked * FPR) ** 0.5


@pytest.mark.parametrize("threads", [1, 3])
def test_a_memory_limit_changes_no_byte(
    tmp_path: Path, large: tuple[Index, list[str]], threads: int
) -> None:
    index, texts = large
    # 1.4 million n-grams, twice their size, and a construction: one partition per pass.
    options = {"structures": "fuse", "threads": threads, "memory_limit": 256 << 20}
    build_index(texts, tmp_path / "limited", **options)
    name = "filter-00000.fuse"
    assert (tmp_path / "limited" / name).read_bytes() == (index.path / name).read_bytes()


@pytest.mark.parametrize(
    ("texts", "distinct"),
    [
        ([], 0),
        (["", "short", "also short"], 0),
        (["a" * N], 1),
        (["a" * 1000], 1),
        ([LOREM] * 500, len(LOREM) - N + 1),
        (["a" * N, "b" * N, "ab" * N], 4),
    ],
)
def test_distinct_ngrams_are_counted_exactly_at_the_edges(
    tmp_path: Path, texts: list[str], distinct: int
) -> None:
    index = build_index(texts, tmp_path / "index", structures=["fuse"])
    entry = filter_entry(index)
    assert entry["distinct_ngrams"] == distinct
    scored = index.quip([text for text in texts if len(text) >= N])
    assert (scored == 1).all()
    if distinct == 0:
        assert index.fpr == 0 and index.quip([LOREM]).tolist() == [0.0]
    assert Index.open(index.path).contains([LOREM]).tolist() == [LOREM in texts]


def test_a_corpus_that_repeats_itself_takes_no_more_room_than_once(tmp_path: Path) -> None:
    # There are far more windows than fit at once; duplicates are dropped on the way.
    once = random_texts(2, 3, 5000)
    build_index(once, tmp_path / "once", structures="fuse")
    often = build_index(once * 200, tmp_path / "often", structures="fuse")
    assert filter_entry(often)["distinct_ngrams"] == len(ngrams(often, once))
    name = "filter-00000.fuse"
    assert (tmp_path / "often" / name).read_bytes() == (tmp_path / "once" / name).read_bytes()


def test_quotes_beside_a_fuse_filter_are_those_beside_a_bloom_filter(tmp_path: Path) -> None:
    texts = random_texts(3, 20, 2000)
    queries = [texts[3][100:300] + "?" + texts[4][:90], LOREM]
    for suffixes in ("suffix", "lean"):
        bloom = build_index(texts, tmp_path / f"bloom-{suffixes}", structures=["bloom", suffixes])
        fuse = build_index(texts, tmp_path / f"fuse-{suffixes}", structures=["fuse", suffixes])
        assert fuse.structures == ["fuse", suffixes]
        assert fuse.trace(queries) == bloom.trace(queries)
        assert fuse.score(queries, exact=True) == bloom.score(queries, exact=True)


def test_a_fuse_filter_does_not_change_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = build_index([Document("a", "1", LOREM)], path, structures=["fuse", "suffix"])
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    changes: list[Callable[[], object]] = [
        lambda: add(path, [Document("a", "2", LOREM)]),
        lambda: remove(path, "a", ["1"]),
        lambda: compact(path),
        lambda: merge([path, path], tmp_path / "merged"),
    ]
    for change in changes:
        with pytest.raises(QuotetuneError, match="index: has a fuse filter, which cannot change"):
            change()
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before
    assert index.quip([LOREM]).tolist() == [1.0]


def test_an_exception_from_progress_ends_the_build_and_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(phase: str, done: int, total: int) -> None:
        if phase == "index":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index([LOREM], tmp_path / "index", structures="fuse", progress=interrupt)
    assert list(tmp_path.iterdir()) == []
