"""Merged shards, from one machine or many, are the index of a single build."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotetune import Document, Index, QuotetuneError, UsageError, build_index, merge
from quotetune.corpus.verify import damaged_files

QUERIES = [
    "line 7 of",
    "of file 1",
    "\u00e9\u6f22 line",
    "no such words",
    "line 3 of file 0 \u00e9\u6f22",
]


def corpus(directory: Path, lines: list[int]) -> Path:
    """Files of records without ids, whose ids are their line numbers."""
    directory.mkdir()
    for file, count in enumerate(lines):
        records = [
            json.dumps(
                {"text": f"line {n} of file {file} \u00e9\u6f22 line {n * n}"},
                ensure_ascii=n % 2 > 0,
            )
            for n in range(count)
        ]
        # Blank lines also count.
        text = "\n\n".join(records) + "\n" * (file % 2)
        (directory / f"{file}.jsonl").write_text(text, encoding="utf-8")
    return directory


def answers(index: Index) -> list[object]:
    return [
        len(index),
        index.count(QUERIES).tolist(),
        index.trace(QUERIES, min_chars=3, max_documents=4),
        index.quip(QUERIES[4:], exact=True).tolist(),
    ]


@settings(max_examples=12, deadline=None)
@given(
    lines=st.lists(st.integers(0, 30), min_size=1, max_size=4).filter(any),
    shards=st.integers(1, 6),
)
def test_merged_shards_are_the_single_build(
    lines: list[int], shards: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("shards")
    files = corpus(base / "corpus", lines)
    options = {"n": 6, "expected_ngrams": 5000}
    single = build_index(files, base / "single", **options)
    parts = [base / f"part-{i}" for i in range(1, shards + 1)]
    for i, part in enumerate(parts, 1):
        build_index(files, part, shard=f"{i}/{shards}", **options)
    merged = merge(parts, base / "merged")
    assert answers(merged) == answers(single)
    assert len(merged) == sum(lines) == sum(len(Index.open(part)) for part in parts)
    # The OR of filters of the same size is exactly the filter of all documents.
    [ours] = (base / "merged").glob("*.bloom")
    [theirs] = (base / "single").glob("*.bloom")
    assert ours.read_bytes() == theirs.read_bytes()
    counts = [
        json.loads((base / name / "manifest.json").read_text())["counts"]
        for name in ("single", "merged")
    ]
    assert counts[0] == counts[1]
    assert damaged_files(base / "merged") == []


def test_files_that_cannot_be_cut_go_to_one_shard(tmp_path: Path) -> None:
    files = corpus(tmp_path / "corpus", [20, 20])
    data = (files / "1.jsonl").read_bytes()
    (files / "1.jsonl.gz").write_bytes(gzip.compress(data))
    (files / "1.jsonl").unlink()
    (files / "2.txt").write_text("a text of its own")
    # Empty texts are also documents, here between the others and after all of them.
    (files / "1b.txt").touch()
    (files / "3b.txt").touch()
    (files / "4b.txt").touch()
    single = build_index(files, tmp_path / "single", n=6)
    parts = [tmp_path / f"part-{i}" for i in range(1, 6)]
    for i, part in enumerate(parts, 1):
        build_index(files, part, shard=f"{i}/5", n=6)
    merged = merge(parts, tmp_path / "merged")
    assert len(merged) == len(single) == 44
    assert answers(merged) == answers(single)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "1/2/3", "-1/2", "a/b"])
def test_a_shard_is_one_of_n(tmp_path: Path, shard: str) -> None:
    files = corpus(tmp_path / "corpus", [2])
    with pytest.raises(UsageError, match="give I/N"):
        build_index(files, tmp_path / "index", shard=shard)


def test_only_files_have_shards(tmp_path: Path) -> None:
    for documents in (["a text"], "-"):
        with pytest.raises(UsageError, match="part of files"):
            build_index(documents, tmp_path / "index", shard="1/2")


def numbered(first: int, count: int) -> list[Document]:
    return [
        Document(
            "a", str(number), f"document number {number} is like no other, {number * 7919}", {}
        )
        for number in range(first, first + count)
    ]


def test_filters_without_an_expected_size_are_filled_anew(tmp_path: Path) -> None:
    build_index(numbered(0, 40), tmp_path / "single")
    build_index(numbered(0, 10), tmp_path / "1")
    build_index(numbered(10, 30), tmp_path / "2")
    merged = merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    [ours] = (tmp_path / "merged").glob("*.bloom")
    [theirs] = (tmp_path / "single").glob("*.bloom")
    assert ours.read_bytes() == theirs.read_bytes()
    # The inputs stay, and stay complete.
    assert len(Index.open(tmp_path / "1")) == 10 and len(merged) == 40
    assert damaged_files(tmp_path / "1") == []


def test_filters_alone_are_united_if_they_are_of_one_size(tmp_path: Path) -> None:
    options = {"structures": "bloom", "expected_ngrams": 3000}
    single = build_index(numbered(0, 40), tmp_path / "single", **options)
    build_index(numbered(0, 10), tmp_path / "1", **options)
    build_index(numbered(10, 30), tmp_path / "2", **options)
    build_index(numbered(40, 10), tmp_path / "other", structures="bloom")
    merged = merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    texts = [document.text for document in numbered(0, 60)]
    assert merged.quip(texts).tolist() == single.quip(texts).tolist()
    assert merged.fpr == single.fpr
    with pytest.raises(QuotetuneError, match=r"keeps no text .* --expected-ngrams"):
        merge([tmp_path / "1", tmp_path / "other"], tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_united_filters_that_would_be_too_full_are_refused_or_filled_anew(tmp_path: Path) -> None:
    for structures, name in (("bloom", "bloom"), (("bloom", "suffix"), "both")):
        options = {"structures": structures, "expected_ngrams": 2600}
        parts = [tmp_path / f"{name}-{i}" for i in range(3)]
        for i, part in enumerate(parts):
            build_index(numbered(60 * i, 60), part, **options)
    with pytest.raises(QuotetuneError, match=r"keeps no text .* --expected-ngrams"):
        merge([tmp_path / f"bloom-{i}" for i in range(3)], tmp_path / "bad")
    merged = merge(parts, tmp_path / "merged")
    assert merged.fpr < 0.001
    assert (merged.quip([document.text for document in numbered(0, 180)]) == 1).all()


def test_more_n_grams_than_room_was_asked_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="room for 10: give a larger --expected-ngrams"):
        build_index(numbered(0, 5), tmp_path / "index", expected_ngrams=10)
    with pytest.raises(UsageError, match="without a Bloom filter"):
        build_index(numbered(0, 5), tmp_path / "index", structures="suffix", expected_ngrams=10)


def test_a_document_in_two_indexes_is_refused(tmp_path: Path) -> None:
    build_index(numbered(0, 3), tmp_path / "1")
    build_index(numbered(2, 3), tmp_path / "2")
    with pytest.raises(QuotetuneError, match=r'the document "2" of source "a" is also in .*1'):
        merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_indexes_that_differ_are_not_merged(tmp_path: Path) -> None:
    build_index(numbered(0, 3), tmp_path / "1")
    for number, options in enumerate(
        ({"n": 9}, {"normalization": "none"}, {"normalization": "fold"}, {"structures": "suffix"})
    ):
        build_index(numbered(3, 3), tmp_path / f"other-{number}", **options)
        with pytest.raises(QuotetuneError, match="build them alike"):
            merge([tmp_path / "1", tmp_path / f"other-{number}"], tmp_path / "merged")
    with pytest.raises(UsageError, match="no index to merge"):
        merge([], tmp_path / "merged")
    with pytest.raises(UsageError, match="--overwrite"):
        merge([tmp_path / "1"], tmp_path / "1")


def test_an_index_named_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(["a text without a copy of it"], path, structures=["bloom"])
    with pytest.raises(QuotetuneError, match="is named twice: name each index once"):
        merge([path, tmp_path / "." / "index"], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
