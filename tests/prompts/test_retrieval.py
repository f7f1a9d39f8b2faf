"""Documents that BM25 finds, in memory and on disk, beside the formula."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index_sets import built_parts, write_list
from quotetune import Index, build_index
from quotetune.corpus.change import add
from quotetune.corpus.results import Document
from quotetune.errors import QuotetuneError, UsageError
from quotetune.prompts import retrieval, search_on_disk
from quotetune.prompts.bm25 import Bm25
from quotetune.prompts.retrieval import retrieve, search_settings
from quotetune.prompts.search_on_disk import directory_of

DOCUMENTS = [
    Document("s", "cat", "The cat is a small carnivore. It purrs when it is content."),
    Document("s", "dog", "The dog barks at night. The dog was the first tamed carnivore."),
    Document("s", "snow", "Snow is frozen water which falls in winter."),
    Document("t", "rain", "Rain is water in drops. Rain falls in summer, rain falls often."),
]
QUERIES = ["falling rain water", "carnivore that barks", "winter water"]
STOP = {"is", "a", "the", "it", "in", "at", "was", "of", "that"}


def bm25(query, texts, k1, b=0.75):
    """The formula of Lucene's BM25, term by term."""

    def words(text):
        return [w for w in re.findall(r"\b\w\w+\b", text.lower()) if w not in STOP]

    bags = [words(text) for text in texts]
    mean = sum(map(len, bags)) / len(bags)
    scores = []
    for bag in bags:
        score = 0.0
        for word in words(query):
            holders = sum(word in other for other in bags)
            idf = math.log(1 + (len(bags) - holders + 0.5) / (holders + 0.5))
            f = bag.count(word)
            score += idf * f / (f + k1 * (1 - b + b * len(bag) / mean))
        scores.append(score)
    return scores


@pytest.fixture
def index(tmp_path):
    return build_index(DOCUMENTS, tmp_path / "index", n=5)


@pytest.fixture
def on_disk(monkeypatch):
    monkeypatch.setattr(retrieval, "LARGE_NGRAMS", 1)


def best_by_formula(query, k1, count=2):
    scores = bm25(query, [document.text for document in DOCUMENTS], k1)
    places = sorted(range(len(scores)), key=lambda place: -scores[place])[:count]
    assert scores[places[0]] > scores[places[1]] > 0
    return [DOCUMENTS[place] for place in places]


@pytest.mark.parametrize("query", QUERIES)
def test_memory_ranks_as_the_formula_does(index, query):
    assert retrieve(index, [query], 2) == [best_by_formula(query, k1=1.5)]
    assert not directory_of(index.path).exists()


@pytest.mark.parametrize("query", QUERIES)
def test_the_disk_ranks_as_the_formula_does(index, on_disk, query):
    assert retrieve(index, [query], 2) == [best_by_formula(query, k1=1.2)]


WORDS = st.lists(st.sampled_from(["oak", "elm", "ash", "Oak", "yew"]), min_size=1, max_size=9)


@given(st.lists(WORDS, min_size=2, max_size=9), WORDS)
def test_the_disk_gives_the_formulas_scores(tmp_path_factory, texts, query):
    documents = [" ".join(words) for words in texts]
    index = build_index(documents, tmp_path_factory.mktemp("search") / "index", n=3)
    [found] = search_on_disk.SearchOnDisk(index).best([" ".join(query)], len(documents))
    scores = bm25(" ".join(query), documents, k1=1.2)
    given = [scores[documents.index(document.text)] for document in found]
    # Lucene keeps a text's length in one byte, exactly for texts as short as these.
    assert given == pytest.approx(sorted(scores, reverse=True), rel=1e-5)


def test_a_long_query_counts_each_word_as_often_as_it_stands_there(index, on_disk):
    [[first, *_]] = retrieve(index, ["snow rain rain rain"], 2)
    assert first.id == "rain"


@pytest.mark.parametrize("query", ["", "?!", "the", 'a "phrase" AND -id:x ^2 \\ (', "\ud800x"])
@pytest.mark.parametrize("large", [False, True])
def test_any_text_is_a_query_and_gets_as_many_documents(index, monkeypatch, query, large):
    monkeypatch.setattr(retrieval, "LARGE_NGRAMS", 1 if large else 10**9)
    [found] = retrieve(index, [query], 3)
    assert len({document.id for document in found}) == 3


@pytest.mark.parametrize("large", [False, True])
def test_more_passages_than_documents_are_all_of_them(index, monkeypatch, large):
    monkeypatch.setattr(retrieval, "LARGE_NGRAMS", 1 if large else 10**9)
    [found] = retrieve(index, ["water"], 9)
    assert sorted(document.id for document in found) == ["cat", "dog", "rain", "snow"]
    assert retrieve(index, [], 2) == []


def test_the_search_index_is_built_once_and_again_after_a_change(index, on_disk, tmp_path):
    retrieve(index, ["water"], 1)
    place = directory_of(index.path)
    assert place == tmp_path / "index.search"
    first = place.stat().st_ino
    retrieve(index, ["water"], 1)
    assert place.stat().st_ino == first
    fog = Document("s", "fog", "Fog, fog and fog of water.")
    changed = add(index.path, [fog])
    assert retrieve(changed, ["fog"], 1) == [[replace(fog, metadata={})]]
    assert place.stat().st_ino != first


def test_a_list_of_indexes_is_searched_beside_it_and_again_after_a_change(on_disk, tmp_path):
    built_parts(tmp_path, [DOCUMENTS[:1], DOCUMENTS[1:]], n=5)
    path = write_list(tmp_path / "all.json", ["part-0", "part-1"])
    assert search_settings(path) == {"search": "tantivy"}
    assert retrieve(Index.open(path), QUERIES, 2) == [best_by_formula(one, 1.2) for one in QUERIES]
    assert (tmp_path / "all.json.search").is_dir()
    fog = Document("s", "fog", "Fog, fog and fog of water.")
    add(tmp_path / "part-0", [fog])
    assert retrieve(Index.open(path), ["fog"], 1) == [[replace(fog, metadata={})]]
    with pytest.raises(UsageError, match=r"have no path together: write their paths into a \.json"):
        retrieve(Index.open([tmp_path / "part-0", tmp_path / "part-1"]), ["fog"], 1)


@pytest.mark.parametrize("about", ["", "{", "[]", '{"form": 0}', '{"form": 1, "tantivy": "0"}'])
def test_a_search_index_that_is_not_one_is_replaced(index, on_disk, about):
    place = directory_of(index.path)
    place.mkdir()
    (place / "about.json").write_text(about)
    (place / "meta.json").write_text("x")
    assert retrieve(index, ["rain"], 1)[0][0].id == "rain"


def test_a_build_that_ends_early_leaves_nothing_behind(index, on_disk, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(search_on_disk, "write_json", stop)
    with pytest.raises(KeyboardInterrupt):
        retrieve(index, ["rain"], 1)
    assert [path.name for path in index.path.parent.iterdir()] == ["index"]


def test_only_a_large_corpus_adds_its_engine_to_the_settings(index, monkeypatch, tmp_path):
    assert search_settings(index.path) == search_settings(tmp_path / "none") == {}
    monkeypatch.setattr(retrieval, "LARGE_NGRAMS", index.ngrams)
    assert search_settings(index.path) == {"search": "tantivy"}
    monkeypatch.setattr(retrieval, "LARGE_NGRAMS", index.ngrams + 1)
    assert search_settings(index.path) == {}


def test_a_missing_package_and_an_index_without_text_are_named(index, on_disk, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tantivy", None)
    with pytest.raises(UsageError, match=r"install quotetune\[train\]"):
        retrieve(index, ["rain"], 1)
    monkeypatch.undo()
    bare = build_index(DOCUMENTS, index.path.parent / "bare", n=5, structures=["bloom"])
    with pytest.raises(QuotetuneError, match="no suffix index"):
        search_on_disk.SearchOnDisk(bare)
    assert not directory_of(bare.path).exists()


def test_scores_are_those_of_every_text(index):
    texts = [document.text for document in DOCUMENTS]
    ranked = Bm25(texts)
    for query in QUERIES:
        [scores] = ranked.scores([query])
        assert scores == pytest.approx(bm25(query, texts, k1=1.5), rel=1e-5)
    assert list(ranked.scores(["the"])[0]) == [0.0] * 4
