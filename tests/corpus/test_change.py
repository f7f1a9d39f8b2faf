"""A changed index answers like one that is built from the same documents in one go."""

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import xxhash
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from quotetune import (
    Document,
    Index,
    QuotetuneError,
    UsageError,
    add,
    build_index,
    compact,
    merge,
    remove,
)
from quotetune.corpus.verify import damaged_files

N = 5
SEGMENT_BYTES = 200
MAX_SMALL = 8
HEADER = 192
MAX_FILTERS = 4
OPTIONS = {"n": N, "segment_bytes": SEGMENT_BYTES}

words = st.lists(st.sampled_from(["the", "quick", "é", "fox", "漢字", "jumps"]), max_size=12)
texts = st.lists(words.map(" ".join), min_size=1, max_size=4)


def manifest(path: Path) -> dict:
    return json.loads((path / "manifest.json").read_text())


def answers(index: Index, queries: list[str]) -> list[object]:
    """All exact answers of an index; they must not depend on how it was made."""
    return [
        len(index),
        index.count(queries).tolist(),
        index.contains(queries).tolist(),
        [str(score) for score in index.quip(queries, exact=True).tolist()],
        index.trace(queries, max_documents=3),
    ]


def check_whole(path: Path, documents: list[Document]) -> None:
    """Compare an index with one that is built from `documents`."""
    index = Index.open(path)
    queries = [document.text for document in documents] + [
        "the quick 漢字 fox",
        "jumps the é",
        "zz",
    ]
    with tempfile.TemporaryDirectory() as directory:
        # The full suffix array, whichever one the changed index has.
        expected = build_index(documents, Path(directory) / "index", **OPTIONS)
        assert answers(index, queries) == answers(expected, queries)
        stated = manifest(path)
        counts = manifest(Path(directory) / "index")["counts"]
        assert stated["counts"] == counts
    for document in documents:
        assert index.document(document.source, document.id) == document
    # Every n-gram of the documents is found.
    for score in index.quip([document.text for document in documents]):
        assert score == 1 or str(score) == "nan"
    small = [s for s in stated["segments"] if s["text"]["size"] - HEADER < SEGMENT_BYTES / 2]
    assert len(small) <= MAX_SMALL
    assert 1 <= len(stated["filters"]) <= MAX_FILTERS
    assert index.fpr <= stated["sizing"]["max_fpr"]
    assert sum(filter["documents"] for filter in stated["filters"]) == len(documents)
    assert damaged_files(path) == []
    named = {file["name"] for s in stated["segments"] for file in s.values() if type(file) is dict}
    named |= {filter["file"]["name"] for filter in stated["filters"]}
    assert {file.name for file in path.iterdir()} - named <= {"manifest.json", "build.lock"}


@dataclass
class Snapshot:
    index: Index
    documents: list[Document] = field(default_factory=list)


class Changes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.path = self.directory / "index"
        self.documents: list[Document] = []
        self.given = 0
        self.snapshot: Snapshot | None = None

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    def new(self, texts: list[str], source: str) -> list[Document]:
        self.given += len(texts)
        numbers = range(self.given - len(texts), self.given)
        return [
            Document(source, str(number), text, {})
            for number, text in zip(numbers, texts, strict=True)
        ]

    @initialize(texts=texts, suffixes=st.sampled_from(["suffix", "lean"]))
    def build(self, texts: list[str], suffixes: str) -> None:
        self.options = {**OPTIONS, "structures": ["bloom", suffixes]}
        self.documents = self.new(texts, "a")
        build_index(self.documents, self.path, **self.options)

    @rule(texts=texts, source=st.sampled_from("ab"))
    def add(self, texts: list[str], source: str) -> None:
        documents = self.new(texts, source)
        add(self.path, documents, segment_bytes=SEGMENT_BYTES)
        self.documents += documents

    @precondition(lambda self: self.documents)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        source = data.draw(st.sampled_from(self.documents)).source
        ids = [document.id for document in self.documents if document.source == source]
        chosen = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True))
        assert remove(self.path, source, chosen, segment_bytes=SEGMENT_BYTES) == len(chosen)
        gone = {(source, id) for id in chosen}
        self.documents = [d for d in self.documents if (d.source, d.id) not in gone]

    @precondition(lambda self: any(document.source == "b" for document in self.documents))
    @rule()
    def remove_source(self) -> None:
        remove(self.path, "b", segment_bytes=SEGMENT_BYTES)
        self.documents = [document for document in self.documents if document.source != "b"]

    @rule()
    def compact(self) -> None:
        compact(self.path, segment_bytes=SEGMENT_BYTES)
        assert len(manifest(self.path)["filters"]) == 1

    @rule(texts=texts)
    def merge(self, texts: list[str]) -> None:
        documents = self.new(texts, "a")
        other, merged = self.directory / "other", self.directory / "merged"
        build_index(documents, other, **self.options)
        merge([self.path, other], merged, segment_bytes=SEGMENT_BYTES)
        for old in (self.path, other):
            shutil.rmtree(old)
        merged.rename(self.path)
        self.documents += documents

    @rule()
    def keep_a_reader_open(self) -> None:
        self.snapshot = Snapshot(Index.open(self.path), list(self.documents))

    @invariant()
    def answers_are_those_of_a_build_at_once(self) -> None:
        if self.given:
            check_whole(self.path, self.documents)

    @invariant()
    def an_open_reader_sees_what_was(self) -> None:
        if self.snapshot is not None:
            index, documents = self.snapshot.index, self.snapshot.documents
            assert len(index) == len(documents)
            for document in documents:
                assert index.document(document.source, document.id) == document


TestChanges = Changes.TestCase
TestChanges.settings = settings(
    max_examples=8,
    stateful_step_count=15,
    deadline=None,
    # A sequence of changes takes seconds, and shrinking it takes minutes.
    phases=[phase for phase in Phase if phase not in (Phase.shrink, Phase.explain)],
)


def numbered(first: int, count: int) -> list[Document]:
    return [
        Document(
            "a", str(number), f"document number {number} is like no other, {number * 7919}", {}
        )
        for number in range(first, first + count)
    ]


def test_many_additions_leave_few_segments_and_filters(tmp_path: Path) -> None:
    build_index(numbered(0, 200), tmp_path / "index", n=N)
    for number in range(200, 260):
        add(tmp_path / "index", numbered(number, 1))
        stated = manifest(tmp_path / "index")
        assert len(stated["segments"]) <= MAX_SMALL and len(stated["filters"]) <= MAX_FILTERS
    assert stated["counts"]["documents"] == 260
    index = Index.open(tmp_path / "index")
    assert index.fpr <= stated["sizing"]["max_fpr"]
    assert (index.quip([d.text for d in numbered(0, 260)]) == 1).all()


def test_the_measured_rate_of_all_filters_together_is_the_stated_one(tmp_path: Path) -> None:
    import random

    rng = random.Random(7)

    def text() -> str:
        return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=20_000))

    path = tmp_path / "index"
    build_index([Document("a", "0", text(), {})], path, n=12, fpr=0.01, structures="bloom")
    for number in range(1, 4):
        add(path, [Document("a", str(number), text(), {})])
    index = Index.open(path)
    assert len(manifest(path)["filters"]) == 4
    assert index.fpr <= 0.01
    asked = "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=400_000))
    [measured] = index.quip([asked])
    assert 0.008 < measured <= 0.0115


def test_an_identity_that_is_in_the_index_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(numbered(0, 3), path)
    before = manifest(path)
    with pytest.raises(QuotetuneError, match=r"documents:1: .*\"2\" of source \"a\" .*already"):
        add(path, [*numbered(3, 1), *numbered(2, 1)])
    assert manifest(path) == before
    check_whole_files(path)


def test_an_identity_that_is_not_in_the_index_is_refused_and_nothing_changes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "index"
    build_index(numbered(0, 3), path)
    before = manifest(path)
    for source, ids, message in (
        ("a", ["1", "7"], 'no document "7" of source "a"'),
        ("b", ["1"], 'no document "1" of source "b"'),
        ("b", None, 'no document of source "b"'),
    ):
        with pytest.raises(QuotetuneError, match=message):
            remove(path, source, ids)
    assert manifest(path) == before
    check_whole_files(path)


def check_whole_files(path: Path) -> None:
    assert damaged_files(path) == []
    assert not (path / "change.partial").exists()


def test_removed_text_is_in_no_file(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(numbered(0, 50), path, n=N)
    secret = b"document number 33 is"
    assert any(secret in file.read_bytes() for file in path.iterdir())
    remove(path, "a", ["33"])
    build_index([d for d in numbered(0, 50) if d.id != "33"], tmp_path / "without", n=N)
    [ours], [theirs] = (list((tmp_path / name).glob("*.bloom")) for name in ("index", "without"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert not any(secret in file.read_bytes() for file in path.iterdir())
    # A document that is added under the old identity is a new document.
    assert len(add(path, [Document("a", "33", "something else", {})])) == 50


def test_without_stored_text_documents_can_be_added_but_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(numbered(0, 30), path, structures="bloom", n=N)
    before = Index.open(path).fpr
    index = add(path, numbered(30, 30))
    assert (index.quip([d.text for d in numbered(0, 60)]) == 1).all()
    assert len(index) == 60
    assert before < index.fpr <= manifest(path)["sizing"]["max_fpr"]
    for change in (lambda: remove(path, "a", ["1"]), lambda: compact(path)):
        with pytest.raises(QuotetuneError, match="keeps no text"):
            change()
    check_whole_files(path)


def test_an_index_without_a_filter_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(numbered(0, 3), path, structures="suffix")
    add(path, numbered(3, 3))
    remove(path, "a", ["0"])
    assert len(compact(path)) == 5
    assert manifest(path)["filters"] == [] and len(manifest(path)["segments"]) == 1


def test_compact_makes_the_filter_of_a_build_at_once(tmp_path: Path) -> None:
    build_index(numbered(0, 40), tmp_path / "once")
    build_index(numbered(0, 10), tmp_path / "index")
    for first in (10, 20, 30):
        add(tmp_path / "index", numbered(first, 10))
    compact(tmp_path / "index")
    [once], [compacted] = (list((tmp_path / name).glob("*.bloom")) for name in ("once", "index"))
    assert once.read_bytes() == compacted.read_bytes()
    assert len(manifest(tmp_path / "index")["segments"]) == 1


def test_two_commands_do_not_change_an_index_at_once(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(numbered(0, 3), path)

    def documents():
        yield from numbered(3, 1)
        for change in (
            lambda: add(path, numbered(4, 1)),
            lambda: remove(path, "a"),
            lambda: compact(path),
            lambda: build_index(numbered(0, 1), path, overwrite=True),
        ):
            with pytest.raises(UsageError, match="another command is writing here"):
                change()

    assert len(add(path, documents())) == 4


def test_an_exception_from_progress_ends_a_change_and_leaves_the_index(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(numbered(0, 20), path, segment_bytes=300)

    def interrupt(phase: str, done: int, total: int) -> None:
        if phase == "index":
            raise KeyboardInterrupt

    before = manifest(path)
    for change in (
        lambda: add(path, numbered(20, 1), progress=interrupt),
        lambda: remove(path, "a", ["1"], progress=interrupt),
        lambda: compact(path, progress=interrupt),
        lambda: merge([path], tmp_path / "merged", progress=interrupt),
    ):
        with pytest.raises(KeyboardInterrupt):
            change()
        assert manifest(path) == before
        check_whole_files(path)
        assert [entry.name for entry in tmp_path.iterdir()] == ["index"]


def test_documents_can_be_added_to_an_index_from_before_indexes_could_change(
    tmp_path: Path,
) -> None:
    path = tmp_path / "index"
    build_index(numbered(0, 3), path)
    text = (path / "manifest.json").read_text()
    old = json.loads(text)
    for key in ("sizing", "next_file"):
        del old[key]
    del old["filters"][0]["documents"]
    write_manifest(path, old)
    assert len(add(path, numbered(3, 2))) == 5
    stated = manifest(path)
    assert stated["sizing"]["bits_per_ngram"] == 16
    assert [filter["documents"] for filter in stated["filters"]] in ([5], [3, 2])


def write_manifest(path: Path, value: dict) -> None:
    """Write a manifest with its checksum, the xxh3 of the text with zeros in its place."""
    value["checksum"] = "0" * 16
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    digest = xxhash.xxh3_64_hexdigest(text.encode())
    (path / "manifest.json").write_text(
        text.replace('"checksum": "' + "0" * 16, f'"checksum": "{digest}')
    )
