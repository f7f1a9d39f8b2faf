"""What is settled while a response grows is what `cite` chooses for the whole of it."""

import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune import Index, Quote, build_index
from quotetune.rendering import fewest_quotes, growing_response
from quotetune.rendering.fewest_quotes import quotes_to_cite
from quotetune.rendering.growing_response import OpenTail, settle, starts_apart

CORPUS = [
    "abc abcabc bca cab",
    "abcab  cabca\nb caf\u00e9 caf\u00e9s e\u0301e\u0323\u0301 \u212b \ufb01ab \ufb03",
    "\U0001f469\u200d\U0001f680 a\U0001f469b \uac00\u1100\u1161\u11a8",
    "ab\u00adcab \u0bc6\u0bbe \u1e9ess",
    "bcabcabcab. cabc",
]
PIECES = st.one_of(
    st.text("abc \n", max_size=9),
    st.text("ae\u0301\u0323\u00e9\u212b\ufb03fis\u00df \u00ad\u200b\t", max_size=4),
    st.text("\uac00\u1100\u1161\u11a8\u0bc6\u0bbe\U0001f469\u200d\U0001f680b", max_size=3),
    st.sampled_from(CORPUS).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(
            lambda span: text[min(span) : max(span)]
        )
    ),
    st.text(max_size=3).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
)
KINDS = [("squash", "suffix"), ("fold", "suffix"), ("fold-case", "suffix"), ("none", "lean")]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: "-".join(kind))
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Index:
    normalization, structure = request.param
    path = tmp_path_factory.mktemp("growing") / "index"
    structures = ["bloom", structure]
    return build_index(CORPUS, path, n=3, normalization=normalization, structures=structures)


@pytest.fixture(autouse=True)
def short_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cite quotes of four characters, so that small texts have many."""
    monkeypatch.setattr(fewest_quotes, "SHORTEST_CITED", 4)


def as_rows(quotes: Iterable[Quote]) -> list[tuple[object, ...]]:
    return [
        (q.start, q.end, q.text, q.count, [(d.id, d.offset) for d in q.documents]) for q in quotes
    ]


@given(pieces=st.lists(PIECES, max_size=12))
def test_any_growth_settles_the_quotes_that_cite_chooses(index: Index, pieces: list[str]) -> None:
    text, tail, settled = "", OpenTail(), []
    for piece in pieces:
        text += piece
        [(quotes, tail)] = settle([text], [tail], [False], index, 2)
        settled += quotes
    [(quotes, _)] = settle([text], [tail], [True], index, 2)
    [expected] = quotes_to_cite([text], index, None, 2, all=False)
    assert as_rows(settled + quotes) == as_rows(expected)


@given(text=PIECES, more=PIECES)
def test_what_is_settled_stays_whatever_follows(index: Index, text: str, more: str) -> None:
    text = CORPUS[0] + text
    [(settled, _)] = settle([text], [OpenTail()], [False], index, 2)
    [whole] = quotes_to_cite([text + more], index, None, 2, all=False)
    assert as_rows(settled) == as_rows(whole[: len(settled)])


def test_a_quote_is_settled_long_before_the_end_and_only_a_short_tail_is_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fewest_quotes, "SHORTEST_CITED", 40)
    fox = "The quick brown fox jumps over the lazy dog and sleeps."
    index = build_index([fox], tmp_path / "index")
    text, tail, found = "", OpenTail(), []
    for character in (fox + " and so it was that nobody ever saw it again, " * 2) * 5:
        text += character
        [(quotes, tail)] = settle([text], [tail], [False], index, 10)
        found += [(len(text) - quote.end) for quote in quotes]
        assert len(text) - tail.start < len(fox) + 60
    assert len(found) == 5 and max(found) < 60


def test_responses_grow_side_by_side_and_each_has_its_own_tail(index: Index) -> None:
    texts = [CORPUS[0] * 3, "", CORPUS[3] * 4]
    together = settle(texts, [OpenTail()] * 3, [False, False, True], index, 2)
    for text, over, (quotes, tail) in zip(texts, [False, False, True], together, strict=True):
        [(alone, own)] = settle([text], [OpenTail()], [over], index, 2)
        assert as_rows(quotes) == as_rows(alone) and tail == own


@pytest.mark.slow
def test_no_normalisation_joins_a_character_that_starts_apart(tmp_path: Path) -> None:
    before = ["e", "\u1100", "\uac00", "\u0bc6", "\u0627", "\U00016d67", "\u03b1", "f\u0301"]
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    apart = [c for c in characters if unicodedata.category(c) != "Cn" and starts_apart(c)]
    assert len(apart) > 100_000
    for normalization in ("squash", "fold", "fold-case"):
        index = build_index(["x"], tmp_path / normalization, n=3, normalization=normalization)
        alone = [text for text, _ in index.windows(apart)]
        assert all(alone)
        for first in before:
            [(start, _)] = index.windows([first])
            joined = index.windows([first + c for c in apart])
            assert [text for text, _ in joined] == [start + text for text in alone], first


def test_letters_of_all_scripts_start_apart() -> None:
    assert all(map(starts_apart, "aZ9.é\u0416\u05d0\u0627\u4e2d\u3042\uac00\u0e01\U0001f469"))
    assert not any(map(starts_apart, " \n\u0301\u0323\u1161\u11a8\u0bbe\u00ad\u200b\u200d\ufe0f"))


def test_the_fixture_shortens_quotes(index: Index) -> None:
    [quotes] = quotes_to_cite(["abca"], index, None, 1, all=False)
    assert quotes and growing_response.shortest_cited(index) == 4
