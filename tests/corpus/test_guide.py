"""The guide against a naive one: random corpora, and vocabularies of any bytes."""

import codecs
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_guide
from naive_index import NaiveIndex
from quotetune import Index, UsageError, build_index
from quotetune.corpus.guide import Guide, Texts, Vocabulary, ends, matches

ALPHABETS = ["ab", "ab ", "a.b \n\r\t", "aé漢😀 ", "e\u0301a\u200d👩", "b\x1c\u2028 \u3000\x85。", "a”. "]
TYPOGRAPHY = ['aﬃ…fi.“"—-\u00ad\u200b \n', "eE\u0301\u0323\u0307\u0327ḝÉ¨ q", "각\u1100\u1161\u11a8가\u3000 ", "ßẞsSΣσςİiı\u0345α"]
STEPS = 4
CANDIDATES = 12


class Case:
    """Documents, a vocabulary, and the tokens of some responses."""

    def __init__(self, seed: int, normalization: str, n: int) -> None:
        self.rng = rng = random.Random(seed)
        self.normalization = normalization
        alphabet = rng.choice(TYPOGRAPHY if "fold" in normalization else ALPHABETS)
        # In a long document, short strings occur more often than the guide reads one by one.
        length = rng.choice([10, 50, 50, 1500])
        self.documents = ["".join(rng.choices(alphabet, k=rng.randrange(length))) for _ in range(4)]
        self.documents += self.documents[:1] * rng.choice([0, 0, 2, 90])
        self.naive = NaiveIndex([], n, normalization)
        self.naive.documents = [self.naive.normalized(text)[0] for text in self.documents]
        self.tokens: list[bytes | None] = [None, b"", b" ", b"\n", b"  \r", bytes([rng.randrange(256)])]
        self.tokens += [rng.choice(alphabet).encode() for _ in range(4)]
        self.responses = [self.response() for _ in range(3)]
        self.tokens += ["".join(rng.choices(alphabet, k=9)).encode() for _ in range(2)]

    def response(self) -> list[int]:
        """The pieces of a passage, in any bytes, with some other tokens between them."""
        rng, ids = self.rng, []
        document = rng.choice(self.documents).encode()
        at = rng.randrange(len(document) + 1)
        for _ in range(rng.randrange(8)):
            if rng.random() < 0.8:
                piece = document[at : at + rng.choice([1, 1, 2, 3, 5, 12, 40])]
                at += len(piece)
                ids.append(len(self.tokens))
                self.tokens.append(piece)
            else:
                ids.append(rng.randrange(len(self.tokens)))
        return ids

    def bytes_of(self, ids: list[int]) -> list[bytes]:
        return [self.tokens[number] or b"" for number in ids]


def assert_answers_are_the_naive_ones(case: Case, source, least: int, most: int, counts) -> None:
    rng = case.rng
    guide = Guide(source, Vocabulary(case.tokens), min_chars=least, max_chars=most)
    states = [guide.state() for _ in case.responses]
    cuts = [sorted(rng.choices(range(len(ids) + 1), k=STEPS)) for ids in case.responses]
    for step in range(STEPS):
        so_far = [ids[: cut[step]] for ids, cut in zip(case.responses, cuts, strict=True)]
        for state, ids in zip(states, so_far, strict=True):
            state.advance(ids[len(state.tokens) :]) if rng.random() < 0.5 else state.follow(ids)
        candidates = [
            [*rng.choices(range(len(case.tokens)), k=CANDIDATES), *ids[cut[step] :][:1] * 2][:CANDIDATES]
            for ids, cut in zip(case.responses, cuts, strict=True)
        ]
        for ids, cut, row in zip(case.responses, cuts, candidates, strict=True):
            row[0] = (ids[cut[step] :] or row)[0]
        expected = [
            [counts(case.bytes_of([*ids, token])) for token in row]
            for ids, row in zip(so_far, candidates, strict=True)
        ]
        assert matches(states, candidates).tolist() == expected


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide") / "index"


NORMALIZATIONS = st.sampled_from(["squash", "squash", "none", "fold", "fold-case"])
LENGTHS = st.sampled_from([(1, 2), (1, 32), (3, 9), (8, 32), (8, 60)])


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), NORMALIZATIONS, LENGTHS)
def test_every_match_in_a_few_texts_is_the_naive_one(seed, normalization, lengths) -> None:
    case = Case(seed, normalization, 25)
    source = Texts(case.documents, normalization)

    def naive(tokens: list[bytes]) -> int:
        return naive_guide.match(case.naive, tokens, *lengths)

    assert_answers_are_the_naive_ones(case, source, *lengths, naive)


def built(case: Case, output: Path, structures: list[str], n: int, segment_bytes: int) -> Index:
    shutil.rmtree(output, ignore_errors=True)
    return build_index(
        case.documents,
        output,
        n=n,
        normalization=case.normalization,
        structures=structures,
        segment_bytes=segment_bytes,
        threads=1,
    )


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32),
    NORMALIZATIONS,
    LENGTHS,
    st.sampled_from([["suffix"], ["bloom", "suffix"], ["lean"], ["bloom", "lean"]]),
    st.sampled_from([1, 2, 5, 8]),
    st.sampled_from([1, 60, 1 << 30]),
)
def test_every_match_in_an_index_is_the_naive_one(
    output, seed, normalization, lengths, structures, n, segment_bytes
) -> None:
    case = Case(seed, normalization, n)
    index = built(case, output, structures, n, segment_bytes)
    least, most = lengths
    least = max(least, n) if "lean" in structures else least
    if least > most:
        return

    def naive(tokens: list[bytes]) -> int:
        return naive_guide.match(case.naive, tokens, least, most)

    assert_answers_are_the_naive_ones(case, index, *lengths, naive)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    NORMALIZATIONS,
    LENGTHS,
    st.sampled_from([["bloom"], ["fuse"]]),
    st.sampled_from([1, 2, 5, 8]),
)
def test_a_filter_alone_gives_the_run_of_covered_windows(
    output, seed, normalization, lengths, structures, n
) -> None:
    case = Case(seed, normalization, n)
    index = built(case, output, structures, n, 1 << 30)
    least, most = lengths
    if n > most:
        return

    def run(tokens: list[bytes]) -> int:
        if not tokens[-1]:
            return 0
        valid = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(b"".join(tokens))
        broken = re.search(r".*[\udc80-\udcff]", valid, re.DOTALL)
        # A character that is not white space stands for bytes that are not UTF-8.
        raw = "\ufffd" + valid[broken.end() :] if broken else valid
        hits = index.windows([raw + "x"])[0][1][:-1].tolist()
        if broken:
            hits = hits[1:]
        covered = len(hits) - max((at + 1 for at, hit in enumerate(hits) if not hit), default=0)
        chars = min(covered + n - 1, most) if covered else 0
        return chars if chars >= least else 0

    assert_answers_are_the_naive_ones(case, index, *lengths, run)
