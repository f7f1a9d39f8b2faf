"""What documents have in common with items, against naive_contamination."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_contamination as naive
from quotetune.datawork.contamination import Rule, detector
from quotetune.datawork.evaluation_items import Item
from quotetune.datawork.item_texts import item_texts
from quotetune.datawork.ngram_places import NgramPlaces

# Few letters, so that there are many matches; white space and folding change lengths.
words = st.text("aAb \n-–ﬁ", min_size=1, max_size=14).filter(str.strip)
items = st.lists(st.lists(words, min_size=1, max_size=2), min_size=1, max_size=4)


def made(texts: list[list[str]]) -> list[Item]:
    return [Item("quiz", str(number), tuple(item)) for number, item in enumerate(texts)]


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
    with detector(sought, Rule(n, share, longest), normalization, whole=False) as found:
        for document in documents:
            findings = found.findings(document)
            seen = findings.items.tolist()
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
            # What has a finding passes the filter.
            counts = sum(filter.quip_counts([document])[0, 0] for filter in found.filters)
            assert counts > 0 or not seen


@given(items, st.text("aAb1 -", max_size=30), st.sampled_from(["squash", "fold-case"]))
@settings(max_examples=200, deadline=None)
def test_short_items_are_whole_words(
    texts: list[list[str]], document: str, normalization: str
) -> None:
    sought = item_texts(made(texts), 20, normalization)
    assert not sought.pieces
    with detector(sought, Rule(20, 1, 20), normalization, whole=True) as found:
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
)
@settings(max_examples=500)
def test_matches_are_all_maximal_common_substrings(texts: list[str], document: str, n: int) -> None:
    expected = Counter(
        (number, start, place, length)
        for number, text in enumerate(texts)
        for start in range(len(text))
        for place in range(len(document))
        for length in [
            next(
                (
                    k
                    for k in range(min(len(text) - start, len(document) - place), 0, -1)
                    if text[start : start + k] == document[place : place + k]
                ),
                0,
            )
        ]
        if length >= n and not (start and place and text[start - 1] == document[place - 1])
    )
    found = NgramPlaces(texts, n).matches(document)
    columns = (found.text, found.start, found.place, found.length)
    assert Counter(zip(*(column.tolist() for column in columns), strict=True)) == expected
    assert found.length.tolist() == sorted(found.length.tolist(), reverse=True)


def test_ngrams_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    # With an even base, the first characters of a long n-gram do not count.
    monkeypatch.setattr("quotetune.datawork.ngram_places._BASE", 2**32)
    texts = ["xbcdef", "abcdef"]
    assert NgramPlaces(texts, 6).matches("..abcdef..").text.tolist() == [1]
    # A document's n-gram that is in no text, of the same hash as one that is.
    assert NgramPlaces(texts[:1], 6).matches("..abcdef..").text.tolist() == []


def test_marks_that_folding_reorders_are_matched_whole() -> None:
    # NFKC puts the dot below before the acute accent.
    given, canonical = "xx a\u0301\u0323 yy", "xx a\u0323\u0301"
    sought = item_texts([Item("quiz", "1", (canonical,))], 3, "fold")
    with detector(sought, Rule(3, 1.0, 3), "fold", whole=False) as found:
        [span] = found.findings(given).match_spans.tolist()
    assert given[slice(*span)] == "xx a\u0301\u0323"


def test_the_longest_of_several_ignored_texts_is_cut_out() -> None:
    item = Item("quiz", "1", ("abcd efgh",))
    [piece] = item_texts([item], 4, "squash", ["ab", "abc", "bcd"]).pieces
    assert piece.text == "d efgh"
