"""The fewest quotes that cover what is quoted, against all subsets."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune import Index, Quote, build_index
from quotetune.rendering.fewest_quotes import fewest_quotes, quotes_to_cite

Span = tuple[int, int]
SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 14)).map(lambda one: (one[0], sum(one))),
    max_size=8,
)
N = st.integers(1, 8)


def chosen(spans: Sequence[Span], n: int) -> list[Span]:
    quotes = [Quote(start, end, "", 1, []) for start, end in spans]
    return [(quote.start, quote.end) for quote in fewest_quotes(quotes, n)]


def covered(spans: Sequence[Span]) -> set[int]:
    return {place for span in spans for place in range(*span)}


def adds(span: Span, others: Sequence[Span], n: int) -> bool:
    """Whether a quote overlaps no other one, or has n characters that no other one has."""
    own = set(range(*span)) - covered(others)
    return len(own) == span[1] - span[0] or len(own) >= n


def worth(spans: Sequence[Span]) -> tuple[int, int, int]:
    return len(covered(spans)), -len(spans), sum(end - start for start, end in spans)


def best_worth(spans: Sequence[Span], n: int) -> tuple[int, int, int]:
    """The worth of the best of all subsets."""
    distinct = set(spans)
    candidates = [
        one for one in distinct if not any(a <= one[0] and one[1] <= b for a, b in distinct - {one})
    ]
    return max(
        worth(subset)
        for size in range(len(candidates) + 1)
        for subset in itertools.combinations(candidates, size)
        if all(adds(one, [other for other in subset if other != one], n) for one in subset)
    )


@given(SPANS, N)
def test_no_other_quotes_cover_more_or_are_fewer_or_longer(spans: list[Span], n: int) -> None:
    found = chosen(spans, n)
    assert all(adds(one, [other for other in found if other != one], n) for one in found)
    assert worth(found) == best_worth(spans, n)
    assert found == sorted(set(found)) and set(found) <= set(spans)


@given(SPANS, N)
def test_a_run_of_quoted_characters_that_is_left_out_is_short(spans: list[Span], n: int) -> None:
    left_out = sorted(covered(spans) - covered(chosen(spans, n)))
    # Consecutive numbers have one difference to their positions.
    runs = itertools.groupby(enumerate(left_out), key=lambda one: one[1] - one[0])
    assert all(len(list(run)) <= 2 * (n - 1) for _, run in runs)


@given(SPANS)
def test_with_n_1_nothing_is_left_out(spans: list[Span]) -> None:
    assert covered(chosen(spans, 1)) == covered(spans)


@pytest.mark.parametrize(
    ("spans", "n", "expected"),
    [
        ([], 5, []),
        # Quotes that only touch do not overlap, however short they are.
        ([(0, 4), (4, 8)], 5, [(0, 4), (4, 8)]),
        ([(0, 20), (5, 15)], 5, [(0, 20)]),
        ([(0, 9), (0, 9), (2, 9)], 5, [(0, 9)]),
        # The quote between them adds nothing.
        ([(0, 10), (6, 16), (10, 20)], 5, [(0, 10), (10, 20)]),
        ([(0, 10), (5, 15)], 5, [(0, 10), (5, 15)]),
        # The end of the second is left out: it is shorter than n.
        ([(0, 12), (4, 15)], 5, [(0, 12)]),
        # The first adds n characters to the second, but not also to the third.
        ([(0, 10), (7, 17), (12, 30)], 6, [(0, 10), (12, 30)]),
        # The most that can be left out, 2 (n - 1): the two in the middle add n - 1 each.
        ([(0, 20), (5, 24), (24, 43), (28, 48)], 5, [(0, 20), (28, 48)]),
    ],
)
def test_the_choice_in_small_cases(spans: list[Span], n: int, expected: list[Span]) -> None:
    assert chosen(spans, n) == expected


def test_many_overlapping_quotes_are_chosen_from_in_little_time() -> None:
    spans = [(start, start + 60) for start in range(3000)]
    found = chosen(spans, 25)
    assert covered(found) == covered(spans)
    assert len(found) == 51  # 3059 characters, 60 per quote


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    corpus = ["abcabcab caba bcab", "cab abc ab bca", "cabcac bacab"]
    return build_index(corpus, tmp_path_factory.mktemp("fewest") / "index", n=3)


@given(st.text(alphabet="abc ", max_size=30), st.integers(3, 6))
def test_of_a_trace_the_quotes_of_min_chars_are_covered(index: Index, text: str, least) -> None:
    traced = [(one.start, one.end) for one in index.trace(text, least)]
    [found] = quotes_to_cite([text], index, least, 10, all=False)
    spans = [(one.start, one.end) for one in found]
    assert worth(spans) == best_worth(traced, index.n)
