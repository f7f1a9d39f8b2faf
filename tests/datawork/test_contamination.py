"""What documents have in common with items, against naive_contamination."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_contamination as naive
from quotetune.corpus.batches import CorpusDocument
from quotetune.datawork.contamination import Detector, Rule, detector
from quotetune.datawork.contamination_report import ContaminationReport
from quotetune.datawork.decontamination import without_items
from quotetune.datawork.evaluation_items import Item
from quotetune.datawork.item_texts import ItemTexts, item_texts
from quotetune.datawork.ngram_places import NgramPlaces
from quotetune.datawork.whole_words import WholeWords

# Few letters, so that there are many matches; white space and folding change lengths.
words = st.text("aAb \n-–ﬁ", min_size=1, max_size=14).filter(str.strip)
items = st.lists(st.lists(words, min_size=1, max_size=2), min_size=1, max_size=4)


def made(texts: list[list[str]]) -> list[Item]:
    return [Item("quiz", str(number), tuple(item)) for number, item in enumerate(texts)]


@contextmanager
def made_detector(
    sought: ItemTexts, rule: Rule, normalization: str, *, whole: bool = False, most: int = 1000
) -> Iterator[Detector]:
    with (
        TemporaryDirectory() as folder,
        detector(sought, rule, normalization, Path(folder), whole=whole, max_matches=most) as found,
    ):
        yield found
    assert not Path(folder).exists()


@given(
    items,
    st.lists(st.text("aAb \n-–ﬁ", max_size=30), min_size=1, max_size=3),
    st.integers(2, 5),
    st.lists(st.text("ab ", min_size=1, max_size=3).filter(str.strip), max_size=2),
    st.sampled_from(["squash", "fold", "fold-case"]),
    st.sampled_from([0.3, 0.7, 1.0]),
    st.sampled_from([4, 8, 100]),
)
@settings(max_examples=300, deadline=None)
def test_findings_are_those_of_a_naive_search(
    texts: list[list[str]],
    documents: list[str],
    n: int,
    ignored: list[str],
    normalization: str,
    share: float,
    longest: int,
) -> None:
    sought = item_texts(made(texts), n, normalization, ignored)
    with made_detector(sought, Rule(n, share, longest), normalization) as found:
        for document in documents:
            findings = found.findings(document)
            seen = findings.items.tolist()
            cut = {at for span in findings.contaminated_spans() for at in range(*span)}
            expected_cut: set[int] = set()
            for number, item in enumerate(texts):
                expected = naive.overlap(item, document, n, ignored, normalization)
                if expected[1] == 0:
                    assert number not in seen
                    continue
                position = seen.index(number)
                assert findings.share[position] == pytest.approx(expected[0])
                assert findings.longest[position] == expected[1]
                spans = findings.match_spans[findings.match_items == number].tolist()
                assert {at for start, end in spans for at in range(start, end)} == expected[2]
                assert findings.is_contaminated[position] == (
                    expected[0] >= share or expected[1] >= longest
                )
                if findings.is_contaminated[position]:
                    expected_cut |= expected[2]
            assert cut == expected_cut
            # What has a finding passes the filter.
            counts = sum(filter.quip_counts([document])[0, 0] for filter in found.filters)
            assert counts > 0 or not seen


@given(items, st.text("aAb1 -", max_size=30), st.sampled_from(["squash", "fold-case"]))
@settings(max_examples=200, deadline=None)
def test_short_items_are_whole_words(
    texts: list[list[str]], document: str, normalization: str
) -> None:
    n = 64  # also with ligatures, of which folding makes two or three characters, no item is long
    sought = item_texts(made(texts), n, normalization)
    assert not sought.pieces
    with made_detector(sought, Rule(n, 1, n), normalization, whole=True) as found:
        findings = set(found.findings(document).contaminated_items.tolist())
        expected = {
            number
            for number, item in enumerate(texts)
            if naive.contains_words(
                document,
                max((naive.normalised(text, normalization)[0] for text in item), key=len),
                normalization,
            )
        }
        assert findings == expected
        counts = sum(filter.quip_counts([document])[0, 0] for filter in found.filters)
        assert counts > 0 or not findings


@given(
    st.lists(st.text("ab\U0001f98a", max_size=9), max_size=4),
    st.text("ab\U0001f98a", max_size=12),
    st.integers(1, 4),
    st.sampled_from([1, 2, 1000]),
    st.sampled_from([1, 7, 1 << 18]),
)
@settings(max_examples=500)
def test_matches_are_the_longest_maximal_common_substrings(
    texts: list[str], document: str, n: int, most: int, ends: int
) -> None:
    expected = []
    for number, text in enumerate(texts):
        matches = sorted(
            (-length, place, start)
            for start in range(len(text))
            for place in range(len(document))
            for length in [common(text[start:], document[place:])]
            if length >= n and not (start and place and text[start - 1] == document[place - 1])
        )
        expected += [(length, number, place, start) for length, place, start in matches[:most]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("quotetune.datawork.ngram_places._ENDS", ends)
        found = NgramPlaces(texts, n).overlap(document).matches(most)
    columns = (-found.length, found.text, found.place, found.start)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    assert rows == sorted(expected)


def common(one: str, other: str) -> int:
    """Return the length of the common start of two texts."""
    differ = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differ, min(len(one), len(other)))


def test_a_megabyte_of_one_character_takes_little_memory() -> None:
    sought = item_texts(made([["-" * 79]] * 100), 25, "squash")
    document = "a\n" + "-" * 1_000_000 + "\nb"
    with made_detector(sought, Rule(25, 0.7, 100), "squash", most=10) as found:
        tracemalloc.start()
        try:
            findings = found.findings(document)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 300_000_000
    assert findings.contaminated_items.tolist() == list(range(100))
    assert set(findings.share.tolist()) == {1.0} and set(findings.longest.tolist()) == {79}
    assert findings.contaminated_spans() == [(2, 1_000_002)]
    of_last = findings.match_spans[findings.match_items == 99]
    assert of_last.tolist() == [[at, at + 79] for at in range(2, 12)]


def test_a_document_that_is_the_whole_set_takes_little_memory() -> None:
    # 4 million pairs of places of one stem, each a match.
    questions = [f"Which of the following statements about {n:05} holds? " for n in range(2000)]
    sought = item_texts(made([[question] for question in questions]), 25, "squash")
    with made_detector(sought, Rule(25, 0.7, 100), "squash", most=3) as found:
        tracemalloc.start()
        try:
            findings = found.findings("".join(questions))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 100_000_000
    assert findings.contaminated_items.tolist() == list(range(2000))
    assert np.bincount(findings.match_items).tolist() == [3] * 2000
    # The blank between two questions belongs to neither.
    assert findings.contaminated_spans() == [(53 * at, 53 * at + 52) for at in range(2000)]


def test_matches_are_listed_by_their_normalised_length() -> None:
    spaced = item_texts(made([["one two", "xyzuvw"]]), 3, "squash")
    with made_detector(spaced, Rule(3, 1.0, 100), "squash") as found:
        report = ContaminationReport(found, whole=False, max_matches=1, max_documents=9)
        # "e t" is four times as many characters in the first text as in the index.
        for id, text in [("wide", "e" + " " * 10 + "t"), ("long", "zuvw")]:
            report.add(CorpusDocument(1, "s", id, text), found.findings(text))
        [match] = report.to_dict()["item_list"][0]["matches"]
        assert match["id"] == "long"


def test_what_is_left_may_be_what_was_cut() -> None:
    sought = item_texts(made([["a b"]]), 1, "squash")
    with made_detector(sought, Rule(1, 0.3, 1), "squash") as found:
        assert without_items("x y", found, found.findings("x y")) == "x y"
        assert without_items("xa y", found, found.findings("xa y")) == "x y"


@given(
    st.lists(st.text("ab ", min_size=1, max_size=4), max_size=6),
    st.text("ab -", max_size=20),
)
def test_whole_words_are_those_between_edges(texts: list[str], document: str) -> None:
    found = WholeWords(texts)
    expected = {
        text: [
            at
            for at in range(len(document))
            if document.startswith(text, at)
            and not document[max(at - 1, 0) : at + 1].isalnum() * (at > 0)
            and not (document + " ")[at + len(text) - 1 : at + len(text) + 1].isalnum()
        ]
        for text in texts
    }
    assert found.places(document) == {text: at for text, at in expected.items() if at}
    numbers = {n for of in found.numbers.values() for ns in of.values() for n in ns}
    assert numbers == set(range(len(texts)))


def test_ngrams_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    # With an even base, the first characters of a long n-gram do not count.
    monkeypatch.setattr("quotetune.datawork.ngram_places._BASE", 2**32)
    texts = ["xbcdef", "abcdef"]
    assert NgramPlaces(texts, 6).overlap("..abcdef..").matches(9).text.tolist() == [1]
    # A document's n-gram that is in no text, of the same hash as one that is.
    assert NgramPlaces(texts[:1], 6).overlap("..abcdef..").matches(9).text.tolist() == []


def test_marks_that_folding_reorders_are_matched_whole() -> None:
    # NFKC puts the dot below before the acute accent.
    given, canonical = "xx a\u0301\u0323 yy", "xx a\u0323\u0301"
    sought = item_texts([Item("quiz", "1", (canonical,))], 3, "fold")
    with made_detector(sought, Rule(3, 1.0, 3), "fold") as found:
        [span] = found.findings(given).match_spans.tolist()
    assert given[slice(*span)] == "xx a\u0301\u0323"


def test_the_longest_of_several_ignored_texts_is_cut_out() -> None:
    item = Item("quiz", "1", ("abcd efgh",))
    [piece] = item_texts([item], 4, "squash", ["ab", "abc", "bcd"]).pieces
    assert piece.text == "d efgh"


@given(st.text("aB1é_ ﬁ٣漢\u0301-", max_size=40))
def test_the_edges_of_words_are_those_between_which_no_two_letters_are(document: str) -> None:
    is_word = [character.isalnum() for character in document]
    expected = [
        place
        for place in range(len(document) + 1)
        if not (0 < place < len(document) and is_word[place - 1] and is_word[place])
    ]
    single = WholeWords([document[a:b] for a in expected for b in expected if a < b])
    found = {place for places in single.places(document).values() for place in places}
    assert found == set(expected[:-1])
