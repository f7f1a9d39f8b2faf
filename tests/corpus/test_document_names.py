"""The names of documents are those of the documents, in their order, without reading a text."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune import Document, Index, QuotetuneError, add, build_index, remove
from quotetune.citations.ids import citable_ids, documents_by_id
from quotetune.corpus import stored_documents as module
from quotetune.pipeline.preflight.index import citation_problems

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NAMES = st.lists(st.tuples(WORDS, WORDS), unique=True, max_size=12)
FORMS = ({}, {"structures": "lean"}, {"structures": "suffix", "normalization": "fold"})


@given(names=NAMES, batch=st.integers(1, 5), form=st.sampled_from(FORMS), position=st.integers(0))
def test_the_names_are_those_of_the_documents(names, batch, form, position, tmp_path_factory):
    path = tmp_path_factory.mktemp("names") / "index"
    documents = [Document(*name, "x" * i, {"é": "b" * i}) for i, name in enumerate(names)]
    # A segment has a few documents.
    index = build_index(documents, path, n=3, segment_bytes=12, **form)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_NAMES", batch)
        assert list(index.document_names()) == [(one.source, one.id) for one in index.documents()]
    most = 2**64 - 1
    assert index._index.names(position % 20, most) == names[position % 20 :]
    for name in [*names, ("", ""), ("x", "\ud800")]:
        assert index.has_document(*name) == (name in names)


def test_the_names_follow_the_changes_of_an_index(tmp_path):
    build_index([Document("a", str(i), "banana") for i in range(3)], tmp_path / "index", n=3)
    add(tmp_path / "index", [Document("b", "0", "cherry")])
    before = Index.open(tmp_path / "index")
    names = before.document_names()
    assert next(names) == ("a", "0")
    remove(tmp_path / "index", "a", ["1"])
    assert list(names) == [("a", "1"), ("a", "2"), ("b", "0")]
    after = Index.open(tmp_path / "index")
    assert list(after.document_names()) == [("a", "0"), ("a", "2"), ("b", "0")]
    assert before.has_document("a", "1") and not after.has_document("a", "1")


def test_an_index_without_text_has_no_names(tmp_path):
    index = build_index(["banana"], tmp_path / "index", n=3, structures="bloom")
    with pytest.raises(QuotetuneError, match="suffix index"):
        next(index.document_names())
    with pytest.raises(QuotetuneError, match="suffix index"):
        index.has_document("documents", "0")


@pytest.fixture
def without_texts(tmp_path: Path) -> Index:
    """An index whose texts cannot be read, so that whatever reads one fails."""
    names = [("a", "x"), ("a", "y]"), ("b", "x"), ("b", "z")]
    index = build_index([Document(*name, "banana") for name in names], tmp_path / "index", n=3)
    manifest = json.loads((index.path / "manifest.json").read_text())
    [segment] = manifest["segments"]
    path = index.path / segment["text"]["name"]
    path.write_bytes(path.read_bytes().replace(b"banana", b"\xfe" * 6))
    index = Index.open(index.path)
    with pytest.raises(QuotetuneError):
        list(index.documents())
    return index


def test_the_ids_of_a_corpus_are_found_without_its_texts(without_texts):
    documents = [("a", "x"), ("a", "y]"), ("b", "x"), ("b", "z")]
    assert citable_ids(without_texts) == ["x", "z"]
    assert not citation_problems(without_texts)
    wanted = {"x", "y]", "none"}
    naive: dict[str, list[tuple[str, str]]] = {}
    for source, id in documents:
        if id in wanted:
            naive.setdefault(id, []).append((source, id))
    assert documents_by_id(without_texts, wanted) == naive
