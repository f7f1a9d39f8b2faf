"""Files of another file system, in a build on Ray; `file://` is one that all processes have."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotetune import Index, QuotetuneError, UsageError, build_index
from quotetune.distributed import remote, stretches
from quotetune.distributed.build import build_on_ray
from quotetune.distributed.plan import Plan
from quotetune.distributed.remote import is_remote, remote_files, sampled
from quotetune.distributed.stretches import (
    fetched,
    lines_in,
    store_line_counts,
    stretches_of,
    with_cuts,
)
from ray_nodes import local_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("nodes")
    with local_cluster([folder / "one", folder / "two"]) as cluster:
        yield cluster


def corpus(directory: Path) -> Path:
    (directory / "a").mkdir(parents=True)
    (directory / ".hidden").mkdir()
    lines = [json.dumps({"text": f"line {n} of the remote corpus, {n * n}"}) for n in range(50)]
    (directory / "a" / "x.jsonl").write_text("\n".join(lines[:20]))
    (directory / "a" / "y.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[20:40]).encode()))
    (directory / "b.jsonl").write_text("\n\n".join(lines[40:]))
    (directory / "c.txt").write_text("A text of its own in the remote corpus.")
    (directory / "picture.png").write_bytes(b"no text")
    (directory / ".hidden" / "d.jsonl").write_text('{"text": "hidden"}')
    return directory


@pytest.mark.parametrize("pattern", ["", "/a/*", "/**/*.jsonl", "/b.jsonl"])
def test_urls_name_the_documents_as_paths_do(tmp_path: Path, pattern: str):
    files = corpus(tmp_path / "corpus")
    # The single build of the same name without the scheme says what the names are.
    index = build_index(f"{files}{pattern}", tmp_path / "single")
    sources = list(dict.fromkeys(document.source for document in index.documents()))
    found = remote_files([f"file://{files}{pattern}"], None)
    assert [file.name for file in found] == sources
    assert all(is_remote(file.path) for file in found)
    assert [file.size for file in found] == [
        Path(file.path.removeprefix("file://")).stat().st_size for file in found
    ]


def test_a_build_of_remote_files_is_the_single_build(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    build_on_ray(
        [f"file://{files}"],
        tmp_path / "index",
        address=cluster.address,
        shards=3,
        scratch=scratch,
    )
    single = build_index(files, tmp_path / "single")
    assert list(Index.open(tmp_path / "index").documents()) == list(single.documents())
    assert len(single) == 51
    assert list(scratch.iterdir()) == []


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    shards=st.integers(1, 12),
    chunk=st.integers(1, 50),
    ends=st.booleans(),
)
def test_the_lines_of_all_stretches_are_those_of_the_file(
    lengths: list[int],
    shards: int,
    chunk: int,
    ends: bool,
    tmp_path_factory: pytest.TempPathFactory,
):
    folder = tmp_path_factory.mktemp("stretches")
    lines = [f"{{{'x' * length}" if length else "" for length in lengths]
    path = folder / "a.jsonl"
    path.write_text("{\n" + "\n".join(lines) + "\n" * ends)
    expected = [(n, line) for n, line in enumerate(path.read_text().split("\n"), 1) if line]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "_CHUNK", chunk)
        files = with_cuts(remote_files([f"file://{path}"], None))
        plan = Plan(files, {}, {}, shards, False, True)
        numbers = range(1, shards + 1)
        taken = [stretch for number in numbers for stretch in stretches_of(plan, number)]
        store_line_counts(folder, taken, [lines_in(stretch) for stretch in taken])
        found = []
        for number in numbers:
            with fetched(folder, plan, number, None) as inputs:
                for file in inputs.files:
                    copied = enumerate(file.path.read_text().split("\n"), 1)
                    found += [(n, line) for n, line in copied if line]
    assert files[0].is_cut
    assert found == expected


def test_a_bad_record_is_named_by_its_url(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus")
    with (files / "b.jsonl").open("a") as file:
        file.write("\n{}\n")
    with pytest.raises(QuotetuneError) as single:
        build_index(files, tmp_path / "single")
    with pytest.raises(QuotetuneError) as ours:
        build_on_ray([f"file://{files}"], tmp_path / "index", address=cluster.address, shards=2)
    assert str(ours.value).replace("file://", "") == str(single.value)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["file://{0}/missing.jsonl"], "no such file"),
        (["nosuchscheme://bucket/x.jsonl"], "cannot be opened"),
        (["file://{0}/*.png"], "no file of a known format"),
        (["file://{0}", "{0}"], "URLs and local paths"),
    ],
)
def test_urls_that_cannot_be_read_are_refused(
    cluster: Any, tmp_path: Path, inputs: list[str], message: str
):
    files = corpus(tmp_path / "corpus")
    names = [name.format(files) for name in inputs]
    with pytest.raises(UsageError, match=message):
        build_on_ray(names, tmp_path / "index", address=cluster.address)


def test_an_error_of_a_kind_that_only_a_file_system_has_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "a.jsonl").write_text('{"text": "some text"}')
    files = remote_files([f"file://{tmp_path}/a.jsonl"], None)
    large = [replace(file, size=1 << 30, is_cut=True) for file in files]

    def denied(*_: Any, **__: Any) -> bytes:
        raise RuntimeError("access denied")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.cat_file", denied)
    message = r"^file://\S*/a\.jsonl: cannot be read \(access denied\): check the credentials"
    with pytest.raises(QuotetuneError, match=message):
        with_cuts(files)
    plan = Plan(large, {}, {}, 2, False, True)
    with pytest.raises(QuotetuneError, match=message), sampled(plan, tmp_path):
        pass


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b'{"text": "a line longer than the start"}\n' * 3, 1),
        (b'{"text": "one line without an end"}', 1),
        (b"\n" * 40 + b'{"text": "after lines that are empty"}\n{"text": "another"}\n', 41),
        (b'{}\n{"text": "the start has one whole line"}\n', 1),
        # An array that is named as lines is read whole, and so is a compressed file.
        (b'[{"text": "a line"},\n{"text": "another"}]', None),
        (gzip.compress(b'{"text": "a line"}\n' * 9), None),
    ],
)
def test_a_sample_has_whole_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, lines: int | None
):
    monkeypatch.setattr(remote, "_START_BYTES", 10)
    (tmp_path / "a.jsonl").write_bytes(content)
    files = with_cuts(remote_files([f"file://{tmp_path}/a.jsonl"], None))
    plan = Plan(files, {}, {}, 2, False, True)
    expected = b"".join(content.splitlines(keepends=True)[:lines]) if lines else content
    with sampled(plan, tmp_path) as ([path], share):
        assert path.read_bytes() == expected
        assert share == pytest.approx(len(expected) / len(content))
