"""Indexes of the parts of a corpus, opened as one, answer as one index of all of it."""

import pickle
import random
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index_sets import built_parts, exact_answers, guided_answers, write_list
from naive_index import squash, windows
from quotetune import (
    Document,
    Index,
    QuipScorer,
    QuotetuneError,
    UsageError,
    build_index,
    cite,
    import_bloom,
    quip_score,
    trace,
)
from quotetune.corpus.index_hash import index_hash
from quotetune.corpus.verify import bytes_of_files, check_identities, damaged_files
from redis_bloom import RedisBloom

ALPHABETS = ["ab", "ab ", "a. \n", "aé漢😀 ", '“ﬁ"-—fi ']
KINDS = ["suffix", "lean"]
FILTERS = ["bloom", "fuse", None]


@dataclass
class Case:
    parts: list[list[Document]]
    filters: list[str | None]
    suffixes: str
    n: int
    normalization: str
    segment_bytes: int
    texts: list[str]

    @property
    def documents(self) -> list[Document]:
        return [document for part in self.parts for document in part]


def random_text(rng: random.Random, alphabet: str, longest: int) -> str:
    return "".join(rng.choices(alphabet, k=rng.randrange(longest + 1)))


def queries(rng: random.Random, alphabet: str, documents: list[str]) -> list[str]:
    """Pieces of several documents, which may go on from one part into another."""
    made = []
    for _ in range(8):
        pieces = []
        for _ in range(rng.randrange(1, 4)):
            text = rng.choice(documents) if documents else ""
            start = rng.randrange(len(text) + 1)
            pieces.append(text[start : start + rng.randrange(1, 30)])
        made.append("".join(pieces) + random_text(rng, alphabet, 3))
    return made


@st.composite
def cases(draw: st.DrawFn, filters: list[str | None] = FILTERS) -> Case:
    rng = random.Random(draw(st.integers(0, 2**32)))
    alphabet = draw(st.sampled_from(ALPHABETS))
    texts = [random_text(rng, alphabet, 40) for _ in range(draw(st.integers(0, 7)))]
    texts += rng.choices(texts, k=1) if texts else []
    documents = [
        Document(rng.choice(["a", "b"]), str(number), text, {"number": number})
        for number, text in enumerate(texts)
    ]
    cuts = sorted(draw(st.lists(st.integers(0, len(documents)), min_size=1, max_size=3)))
    parts = [documents[start:end] for start, end in pairwise([0, *cuts, len(documents)])]
    return Case(
        parts,
        [draw(st.sampled_from(filters)) for _ in parts],
        draw(st.sampled_from(KINDS)),
        draw(st.sampled_from([1, 2, 3, 5, 8])),
        draw(st.sampled_from(["squash", "none", "fold"])),
        draw(st.sampled_from([1, 40, 1 << 30])),
        queries(rng, alphabet, texts),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


def members(case: Case, folder: Path, suffixes: list[str]) -> list[Path]:
    """Build an index of each part, with its own filter."""
    made = []
    for number, (part, filter) in enumerate(zip(case.parts, case.filters, strict=True)):
        structures = ([] if filter is None else [filter]) + suffixes
        path = folder / f"part-{number}"
        build_index(
            part,
            path,
            n=case.n,
            normalization=case.normalization,
            segment_bytes=case.segment_bytes,
            structures=structures,
            threads=1,
        )
        made.append(path)
    return made


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@pytest.mark.parametrize("corpora", [60, pytest.param(600, marks=pytest.mark.slow)])
def test_a_set_answers_as_the_index_of_the_whole_corpus(folder: Path, corpora: int) -> None:
    kinds = set()

    @settings(max_examples=corpora)
    @given(case=cases())
    def check(case: Case) -> None:
        base = emptied(folder / "exact")
        paths = members(case, base, [case.suffixes])
        single = build_index(
            case.documents,
            base / "single",
            n=case.n,
            normalization=case.normalization,
            structures=case.suffixes,
            threads=1,
        )
        parts = Index.open(paths)
        kinds.add((case.suffixes, len(set(case.filters))))
        names = [(document.source, document.id) for document in case.documents]
        assert exact_answers(parts, case.texts, names) == exact_answers(single, case.texts, names)
        assert guided_answers(parts, case.texts) == guided_answers(single, case.texts)

    check()
    # With one kind of filter and with several, for each kind of suffix index.
    assert len(kinds) >= 4


@settings(max_examples=60)
@given(case=cases(filters=["bloom", "fuse"]), has_suffixes=st.booleans())
def test_a_window_occurs_in_a_set_if_a_filter_of_a_member_holds_it(
    folder: Path, case: Case, has_suffixes: bool
) -> None:
    paths = members(case, emptied(folder / "or"), [case.suffixes] if has_suffixes else [])
    parts, alone = Index.open(paths), [Index.open(path) for path in paths]
    asked = zip(parts.windows(case.texts), *(one.windows(case.texts) for one in alone), strict=True)
    counts = parts.quip_counts(case.texts).tolist()
    for ((text, hits), *others), (hit, total) in zip(asked, counts, strict=True):
        assert all(theirs == text for theirs, _ in others)
        expected = [any(at) for at in zip(*(theirs for _, theirs in others), strict=True)]
        assert hits.tolist() == expected
        assert (hit, total) == (sum(expected), len(expected))
    rates = [one.fpr for one in alone]
    product = 1.0
    for rate in rates:
        product *= 1 - rate
    assert parts.fpr == pytest.approx(1 - product)
    kinds = list(dict.fromkeys(filter for filter in case.filters if filter is not None))
    assert parts.structures == [*kinds, *([case.suffixes] if has_suffixes else [])]


def test_an_imported_filter_answers_beside_others(tmp_path: Path) -> None:
    theirs = RedisBloom(4096, 3)
    for gram in windows("the quick brown fox", 5):
        theirs.add(gram)
    (tmp_path / "files").mkdir()
    theirs.dump(tmp_path / "files" / "filter.bf", 5, 100, 1000)
    import_bloom(tmp_path / "files" / "filter.bf", tmp_path / "imported")
    for name, text in (("bloom", "the lazy dog"), ("fuse", "a sleeping cat")):
        build_index([text], tmp_path / name, n=5, structures=name)
    ours = [Index.open(tmp_path / name) for name in ("bloom", "fuse")]
    text = "the quick brown cat and the sleeping dog, " * 40
    for order in (["imported", "bloom", "fuse"], ["bloom", "imported"], ["imported"]):
        index = Index.open([tmp_path / name for name in order])
        [(_, hits)] = index.windows([text])
        others = [one.windows([text])[0][1] for one in ours if one.path.name in order]
        grams = windows(squash(text), 5)
        expected = [
            gram in theirs or any(hits[at] for hits in others) for at, gram in enumerate(grams)
        ]
        assert hits.tolist() == expected and any(expected) and not all(expected)
        assert index.quip_counts([text]).tolist() == [[sum(expected), len(expected)]]


def test_a_set_with_a_member_without_a_filter_answers_exactly(tmp_path: Path) -> None:
    rng = random.Random(0)
    letters = random_text(rng, "abcdefgh", 4000)
    # A filter of one bit per n-gram errs often.
    options = {"n": 5, "bits_per_ngram": 1, "structures": ["bloom", "suffix"]}
    alone = build_index([letters], tmp_path / "1", **options)
    build_index(["banana"], tmp_path / "2", n=5, structures="suffix")
    index = Index.open([tmp_path / "1", tmp_path / "2"])
    text = random_text(rng, "ABCDEFGH", 4000) + " bananas"
    assert alone.quip([text]) > alone.quip([text], exact=True)
    assert index.quip([text]).tolist() == index.quip([text], exact=True).tolist()
    assert index.quip_counts([text])[0, 0] == 2
    assert index.structures == ["suffix"] and index.fpr == 0


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"n": 4}, r"has n 4, but \S*/1 has n 5:"),
        ({"normalization": "none"}, r"has normalization none, but \S*/1 has normalization squash:"),
        ({"structures": ["bloom", "lean"]}, r"has structure lean, but \S*/1 has structure suffix:"),
        ({"structures": "bloom"}, r"has no suffix index, but \S*/1 has structure suffix:"),
        (
            {"n": 4, "structures": "lean"},
            r"has n 4 and structure lean, but \S*/1 has n 5 and structure suffix:",
        ),
    ],
)
def test_indexes_that_differ_are_not_opened_as_one(
    tmp_path: Path, changes: dict[str, object], difference: str
) -> None:
    build_index(["banana"], tmp_path / "1", n=5)
    build_index(["banana"], tmp_path / "2", **{"n": 5, **changes})
    with pytest.raises(QuotetuneError, match=rf"^\S*/2: {difference} build them alike"):
        Index.open([tmp_path / "1", tmp_path / "2"])


def documents(first: int, count: int) -> list[Document]:
    numbers = range(first, first + count)
    return [Document("a", str(n), f"text number {n} is {n * 7919}", {}) for n in numbers]


def test_a_document_of_two_members_is_found_by_verify_and_the_first_one_answers(
    tmp_path: Path,
) -> None:
    again = Document("a", "3", "another text of the same name", {})
    parts = [documents(0, 9), documents(9, 9), [*documents(18, 2), again]]
    paths = built_parts(tmp_path, parts, segment_bytes=40)
    check_identities(Index.open(paths[:2]))
    index = Index.open(paths)
    with pytest.raises(
        QuotetuneError,
        match=r'^\S*/part-2: the document "3" of source "a" is also in \S*/part-0: remove it',
    ):
        check_identities(index)
    assert index.document("a", "3").text == parts[0][3].text
    assert [one.id for one in index.documents()].count("3") == 2
    [quote] = index.trace("another text of the same name")
    assert [(one.source, one.id) for one in quote.documents] == [("a", "3")]


def test_an_index_is_named_once_and_one_or_more_are_named(tmp_path: Path) -> None:
    [path] = built_parts(tmp_path, [documents(0, 2)])
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(QuotetuneError, match=r"link: is named twice: name each index once"):
        Index.open([path, tmp_path / "link"])
    with pytest.raises(UsageError, match="no index to open"):
        Index.open([])
    with pytest.raises(QuotetuneError, match=r"other: no index here"):
        Index.open([path, tmp_path / "other"])


def test_a_set_pickles_with_its_paths_and_a_list_as_its_file(tmp_path: Path) -> None:
    paths = built_parts(tmp_path, [documents(0, 3), documents(3, 3)])
    listed = Index.open(write_list(tmp_path / "all.json", ["part-0", "part-1"]))
    for index in (Index.open(paths), listed):
        again = pickle.loads(pickle.dumps(index))
        assert list(again.documents()) == list(index.documents()) and again.members == paths
    assert pickle.loads(pickle.dumps(listed)).path == tmp_path / "all.json"
    with pytest.raises(UsageError, match=r"part-0, \S*part-1: these indexes have no path"):
        _ = Index.open(paths).path


def test_messages_name_the_list_or_the_first_indexes(tmp_path: Path) -> None:
    paths = built_parts(tmp_path, [documents(n, 1) for n in range(5)])
    with pytest.raises(QuotetuneError, match=r"part-0, \S*part-1, \S*part-2 and 2 more: no docum"):
        Index.open(paths).document("a", "x")
    with pytest.raises(QuotetuneError, match=r"^\S*all\.json: no document"):
        Index.open(write_list(tmp_path / "all.json", paths)).document("a", "x")


def test_the_shortcuts_take_a_list(tmp_path: Path) -> None:
    built_parts(tmp_path, [documents(0, 3), documents(3, 3)], n=10)
    single = build_index(documents(0, 6), tmp_path / "single", n=10)
    path = write_list(tmp_path / "all.json", ["part-0", "part-1"])
    text = "It says: text number 4 is 31676."
    assert quip_score(text, path) == quip_score(text, single)
    assert trace(text, path) == trace(text, single) != []
    assert cite(text, path) == cite(text, single)


def test_the_files_of_a_list_are_those_of_its_members(tmp_path: Path) -> None:
    paths = built_parts(tmp_path, [documents(0, 3), documents(3, 3)])
    path = write_list(tmp_path / "all.json", paths)
    assert bytes_of_files(path) == sum(map(bytes_of_files, paths))
    reports: list[tuple[str, int, int]] = []
    assert damaged_files(path, lambda *report: reports.append(report)) == []
    assert reports[-1] == ("verify", bytes_of_files(path), bytes_of_files(path))
    [text] = paths[1].glob("*.text")
    text.write_bytes(text.read_bytes()[:-1])
    [(damaged, what)] = damaged_files(path)
    assert Path(damaged) == text and "bytes long" in what


def test_the_hash_of_a_list_follows_its_members_and_their_order(tmp_path: Path) -> None:
    paths = built_parts(tmp_path, [documents(0, 3), documents(3, 3)])
    path = write_list(tmp_path / "all.json", paths)
    (tmp_path / "below").mkdir()
    relative = write_list(tmp_path / "below" / "all.json", ["../part-0", "../part-1"])
    before = index_hash(path)
    assert before == index_hash(relative)
    assert index_hash(write_list(tmp_path / "other.json", paths[::-1])) != before
    assert index_hash(write_list(tmp_path / "one.json", paths[:1])) == index_hash(paths[0])
    scorer = QuipScorer(path)
    build_index(documents(3, 4), paths[1], overwrite=True)
    assert index_hash(path) == index_hash(relative) != before
    assert QuipScorer(path).version != scorer.version
    path.write_text("[")
    assert index_hash(path) not in (None, before)
    assert index_hash(tmp_path / "none.json") is None


def test_an_index_in_a_directory_with_the_ending_of_a_list_is_an_index(tmp_path: Path) -> None:
    index = build_index(documents(0, 2), tmp_path / "index.json")
    assert index.members == [index.path] == [tmp_path / "index.json"]
    assert len(list(index.document_names())) == 2
