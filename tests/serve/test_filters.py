"""The filters of `POST /trace`, against their definitions on small texts."""

import math
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive_index import NaiveIndex
from quotetune import Index, Quote, build_index
from quotetune.serve import answers
from quotetune.serve.answers import traces
from quotetune.serve.filters import most_rare, one_per_place, rarity, whole_words, words
from quotetune.serve.refusal import Refusal
from quotetune.serve.requests import TraceRequest

CORPUS = ["ab cab, abc 1b", "ab. abc cab\u0301 ab", "c1 ab cab ab cab ab cab"]
LETTERS = st.text("abc1 ,.\n\u0301", max_size=30)
NAIVE = NaiveIndex(CORPUS, 3, "squash")


@pytest.fixture(scope="module", params=["suffix", "lean"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Index:
    path = tmp_path_factory.mktemp("filters") / "index"
    return build_index(CORPUS, path, n=3, structures=["bloom", request.param])


def is_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def cuts_a_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and is_word(text[place - 1]) and is_word(text[place])


def naive_whole_words(start: int, end: int, text: str) -> tuple[int, int]:
    """The largest span inside, by trying all: no word cut, no white space at an end."""
    best = (start, start)
    for first in range(start, end):
        for last in range(first + 1, end + 1):
            inner = text[first:last]
            if inner == inner.strip() and not (cuts_a_word(text, first) or cuts_a_word(text, last)):
                best = max(best, (first, last), key=lambda span: span[1] - span[0])
    return best


@given(LETTERS, st.data())
def test_a_span_in_whole_words_is_the_largest_that_cuts_none(text: str, data) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = whole_words(start, end, text)
    expected = naive_whole_words(start, end, text)
    assert text[slice(*found)] == text[slice(*expected)]
    assert found == expected or found[0] == found[1]


@given(text=LETTERS)
def test_quotes_in_whole_words_have_their_own_counts_and_documents(index, text: str) -> None:
    [result] = traces(index, TraceRequest(texts=[text], whole_words=True))
    spans = [(quote["start"], quote["end"]) for quote in result["quotes"]]
    expected = {
        naive_whole_words(quote.start, quote.end, text) for quote in NAIVE.quotes(text, 3, 10)
    }
    long_enough = {span for span in expected if len(NAIVE.normalized(text[slice(*span)])[0]) >= 3}
    outermost = {
        one
        for one in long_enough
        if not any(
            other != one and other[0] <= one[0] and one[1] <= other[1] for other in long_enough
        )
    }
    assert set(spans) == outermost and spans == sorted(spans)
    for quote in result["quotes"]:
        shown = text[quote["start"] : quote["end"]]
        assert quote["count"] == NAIVE.count(shown)
        [naive] = NAIVE.quotes(shown, len(quote["text"]), 10)
        assert [(int(d["id"]), d["offset"]) for d in quote["documents"]] == naive.documents


@given(text=LETTERS)
def test_rarity_is_the_unigram_probability_of_the_words(index: Index, text: str) -> None:
    quotes = index.trace(text)
    rank = rarity(index, quotes)
    total = sum(max(len(document) - 2, 0) for document in NAIVE.documents)
    for quote in quotes:
        if "lean" in index.structures:
            assert rank(quote) == (quote.count, -len(quote.text), quote.start)
            continue
        logs = [math.log(max(NAIVE.count(word), 1) / total) for word in words(quote.text)]
        assert rank(quote)[0] == pytest.approx(sum(logs))


@given(text=LETTERS, most=st.integers(1, 5))
def test_filters_keep_the_rarest_and_what_occurs_seldom(index, text: str, most: int) -> None:
    quotes = index.trace(text)
    rank = rarity(index, quotes)

    def shown(**filters: object) -> list[tuple[int, int]]:
        [result] = traces(index, TraceRequest(texts=[text], **filters))
        return [(quote["start"], quote["end"]) for quote in result["quotes"]]

    def spans(quotes: list[Quote]) -> list[tuple[int, int]]:
        return [(quote.start, quote.end) for quote in quotes]

    assert shown(max_count=most) == spans([quote for quote in quotes if quote.count <= most])
    rarest = sorted(quotes, key=rank)
    assert shown(rarest_first=True) == spans(rarest)
    density = most / 10
    kept = rarest[: math.ceil(density * len(words(text)))]
    assert shown(max_density=density) == sorted(spans(kept))
    apart = shown(one_per_place=True)
    covered = [place for span in apart for place in range(*span)]
    assert len(covered) == len(set(covered))
    for quote in quotes:  # one that is left out overlaps a rarer one that is kept
        if (quote.start, quote.end) not in apart:
            assert any(
                rank(other) < rank(quote) and other.start < quote.end and quote.start < other.end
                for other in quotes
                if (other.start, other.end) in apart
            )


def test_equal_quotes_are_taken_in_order() -> None:
    quotes = [Quote(0, 3, "", 1, []), Quote(2, 5, "", 1, []), Quote(5, 8, "", 1, [])]

    def rank(quote: Quote) -> tuple[float, int]:
        return quote.count, quote.start

    assert one_per_place(quotes, rank) == [quotes[0], quotes[2]]
    assert most_rare(quotes, rank, 2) == quotes[:2]


def test_an_answer_that_names_too_many_documents_is_refused(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = TraceRequest(texts=["ab cab", "ab cab"])
    named = sum(len(quote.documents) for quotes in index.trace(request.texts) for quote in quotes)
    monkeypatch.setattr(answers, "_MOST_NAMED", named)
    assert len(answers.traces(index, request)) == 2
    monkeypatch.setattr(answers, "_MOST_NAMED", named - 1)
    with pytest.raises(Refusal, match="max_documents lower") as refused:
        answers.traces(index, request)
    assert refused.value.status == 413


def test_snippets_of_an_index_that_folds_show_the_original(tmp_path: Path) -> None:
    original = "He wrote “ﬁrst” — and — “ﬁne” words, then left."
    index = build_index([original], tmp_path / "index", n=5, normalization="fold")
    request = TraceRequest(texts=['"first" - and - "fine" words'], snippet_chars=9)
    [result] = traces(index, request)
    [quote] = result["quotes"]
    assert quote["documents"][0]["snippets"] == [
        {
            "offset": 9,
            "before": "He wrote ",
            "quote": "“ﬁrst” — and — “ﬁne” words",
            "after": ", then le",
        }
    ]
