"""A filter that is filled in stretches is bit for bit the filter of a single build."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune import QuotetuneError, UsageError, build_index, merge
from quotetune.corpus.divided_filter import DividedFilter
from quotetune.corpus.verify import damaged_files

TEXTS = st.lists(st.text("ab é漢\n", max_size=40), min_size=1, max_size=6)


def filter_of(index: Path) -> tuple[bytes, dict[str, object]]:
    [entry] = json.loads((index / "manifest.json").read_text())["filters"]
    content = (index / entry["file"]["name"]).read_bytes()
    return content, {name: entry[name] for name in ("documents", "fill", "fpr", "bits_per_ngram")}


def divided_build(
    place: Path, shards: list[list[str]], divided: DividedFilter, **form: object
) -> Path:
    """Build shards, their hashes and the stretches, and merge them."""
    directories, hashes, stretches = [], [], []
    for number, texts in enumerate(shards):
        documents = [{"text": text, "id": f"{number} {i}"} for i, text in enumerate(texts)]
        directories.append(place / f"{number}")
        hashes.append(place / f"{number}.hashes")
        build_index(documents, directories[-1], structures="suffix", **form)
        divided.write_hashes(directories[-1], hashes[-1], threads=2)
    for number in range(len(divided)):
        stretches.append(place / f"filter-{number}")
        divided.fill(number, hashes, stretches[-1], threads=2)
    divided.merge(directories, place / "merged", stretches)
    return place / "merged"


@given(
    shards=st.lists(TEXTS, min_size=1, max_size=4),
    most=st.integers(1, 9),
    room=st.sampled_from([200, 3000]),
    n=st.integers(1, 4),
    normalization=st.sampled_from(["squash", "none", "fold"]),
    segment_bytes=st.sampled_from([16, 1 << 20]),
)
def test_the_filter_is_that_of_a_single_build(
    shards, most, room, n, normalization, segment_bytes, tmp_path_factory
):
    place = tmp_path_factory.mktemp("divided")
    form = {"n": n, "normalization": normalization, "segment_bytes": segment_bytes}
    divided = DividedFilter(room, most, bits_per_ngram=64)
    assert 1 <= len(divided) <= most
    merged = divided_build(place, shards, divided, **form)
    documents = [
        {"text": text, "id": f"{number} {i}"}
        for number, texts in enumerate(shards)
        for i, text in enumerate(texts)
    ]
    single = place / "single"
    build_index(documents, single, bits_per_ngram=64, expected_ngrams=room, **form)
    assert filter_of(merged) == filter_of(single)
    assert damaged_files(merged) == []


def test_many_hashes_of_a_stretch_are_all_in_the_filter(tmp_path):
    # More than a run of hashes holds, so that full runs and the rest are both in the file.
    texts = [
        [f"{i} {i * i} {i * i * i} and so on" for i in range(first, 3000, 2)] for first in (0, 1)
    ]
    divided = DividedFilter(200_000, 4)
    merged = divided_build(tmp_path, texts, divided, n=8)
    documents = [
        {"text": text, "id": f"{number} {i}"}
        for number, shard in enumerate(texts)
        for i, text in enumerate(shard)
    ]
    build_index(documents, tmp_path / "single", n=8, expected_ngrams=200_000)
    assert filter_of(merged) == filter_of(tmp_path / "single")


def test_a_filter_that_is_too_full_is_filled_from_the_text(tmp_path):
    texts = [
        [f"{i} {i * i} {i * i * i} and so on" for i in range(first, 900, 2)] for first in (0, 1)
    ]
    merged = divided_build(tmp_path, texts, DividedFilter(100, 4), n=8)
    _, entry = filter_of(merged)
    assert entry["fpr"] < 0.0011


def test_stretches_that_are_missing_or_short_are_refused(tmp_path):
    build_index(["banana"], tmp_path / "index", n=3, structures="suffix")
    divided = DividedFilter(1000, 4)
    divided.write_hashes(tmp_path / "index", tmp_path / "hashes")
    paths = [tmp_path / str(number) for number in range(len(divided))]
    for number, path in enumerate(paths):
        divided.fill(number, [tmp_path / "hashes"], path)
    with pytest.raises(UsageError, match="3 files for 4 stretches"):
        divided.merge([tmp_path / "index"], tmp_path / "out", paths[1:])
    paths[1].write_bytes(paths[1].read_bytes()[:-8])
    with pytest.raises(QuotetuneError, match=r"1: .* bytes long instead of"):
        divided.merge([tmp_path / "index"], tmp_path / "out", paths)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="stretch 4: choose from 0 to 3"):
        divided.fill(4, [tmp_path / "hashes"], tmp_path / "4")


def test_a_file_of_hashes_that_is_cut_is_refused(tmp_path):
    build_index(["a banana and bananas"], tmp_path / "index", n=3, structures="suffix")
    divided = DividedFilter(1000, 2)
    divided.write_hashes(tmp_path / "index", tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    for size in range(0, len(whole), 8):
        (tmp_path / "cut").write_bytes(whole[:size])
        with pytest.raises(QuotetuneError, match="cut: "):
            for stretch in range(len(divided)):
                divided.fill(stretch, [tmp_path / "cut"], tmp_path / f"{size}-{stretch}")


def test_merging_without_the_filter_keeps_the_shards_structures(tmp_path):
    build_index(["banana"], tmp_path / "index", n=3, structures="suffix")
    assert merge([tmp_path / "index"], tmp_path / "merged").structures == ["suffix"]
