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
from quotetune.corpus.whole_responses import follow_ups

ALPHABETS = [
    "ab",
    "ab ",
    "a.b \n\r\t",
    "aé漢😀 ",
    "e\u0301a\u200d👩",
    "b\x1c\u2028 \u3000\x85。",
    "a”. ",
]
TYPOGRAPHY = [
    'aﬃ…fi.“"—-\u00ad\u200b \n',
    "eE\u0301\u0323\u0307\u0327ḝÉ¨ q",
    "각\u1100\u1161\u11a8가\u3000 ",
    "ßẞsSΣσςİiı\u0345α",
]
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
        self.tokens: list[bytes | None] = [
            None,
            b"",
            b" ",
            b"\n",
            b"  \r",
            bytes([rng.randrange(256)]),
        ]
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
        candidates = [rng.choices(range(len(case.tokens)), k=CANDIDATES) for _ in so_far]
        for ids, cut, row in zip(case.responses, cuts, candidates, strict=True):
            # The token that is next in the document.
            row[0] = (ids[cut[step] :] or row)[0]
        expected = [
            [counts(case.bytes_of([*ids, token])) for token in row]
            for ids, row in zip(so_far, candidates, strict=True)
        ]
        assert matches(states, candidates).tolist() == expected


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide") / "index"


def naive_follow_ups(case: Case, tokens: list[bytes], most: int, length: int) -> list[bytes] | None:
    text, incomplete = naive_guide.text_of(case.naive, tokens)
    wanted = text.encode("utf-8", "surrogatepass") + incomplete
    found = []
    for document in case.naive.documents:
        data = document.encode()
        places = [at for at in range(len(data) + 1) if data.startswith(wanted, at)]
        found += [data[at + len(wanted) :][:length] for at in places]
    return sorted(set(found)) if len(found) <= most else None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 3, 100]), st.sampled_from([1, 4, 30]))
def test_what_follows_on_a_response_is_what_stands_after_it(seed, most, length) -> None:
    case = Case(seed, "squash", 25)
    guide = Guide(Texts(case.documents), Vocabulary(case.tokens), min_chars=1, max_chars=1024)
    for ids in case.responses:
        tokens = case.bytes_of(ids)
        text, _ = naive_guide.text_of(case.naive, tokens)
        if text and not any("\udc80" <= char <= "\udcff" for char in text):  # no other bytes
            state = guide.state(ids)
            assert follow_ups(state, max_occurrences=most, max_bytes=length) == naive_follow_ups(
                case, tokens, most, length
            )


NORMALIZATIONS = st.sampled_from(["squash", "squash", "none", "fold", "fold-case"])
LENGTHS = st.sampled_from([(1, 2), (1, 32), (3, 9), (8, 32), (8, 60)])


@settings(max_examples=150, deadline=None)
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


@settings(max_examples=120, deadline=None)
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


@settings(max_examples=60, deadline=None)
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
        texts = [naive_guide.text_of(case.naive, some) for some in (tokens, tokens[:-1])]
        if texts[0] == texts[1]:  # nothing is added
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


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), NORMALIZATIONS, LENGTHS, st.sampled_from(["suffix", "lean"]))
def test_every_end_is_the_naive_one(output, seed, normalization, lengths, structure) -> None:
    case = Case(seed, normalization, 3)
    index = built(case, output, [structure], 3, 60)
    least, most = lengths
    least = max(least, 3) if structure == "lean" else least
    if least > most:
        return
    guide = Guide(index, Vocabulary(case.tokens), min_chars=lengths[0], max_chars=most)
    for ids in case.responses:
        states = [guide.state(ids[:length]) for length in range(len(ids) + 1)]
        found = list(zip(*(array.tolist() for array in ends(states)), strict=True))
        tokens = [case.bytes_of(ids[:length]) for length in range(len(ids) + 1)]
        assert found == [naive_guide.ends(case.naive, some, least, most) for some in tokens]


WORDS = [
    b"The quick",
    b" brown",
    b" fox",
    b". ",
    b"\n",
    b"\xe2\x80",
    b"\x9cDog\xe2\x80\x9d",
    b"",
    None,
]
FOX = "The quick brown fox. \u201cDog\u201d"


def test_what_the_guide_calls_a_match_is_found_by_count_and_trace(tmp_path: Path) -> None:
    index = build_index([FOX], tmp_path / "index", n=5)
    guide = Guide(index, Vocabulary(WORDS), min_chars=1)
    so_far = []
    for token in [0, 1, 2, 3, 5, 6]:
        [[chars]] = matches([guide.state(so_far)], [[token]]).tolist()
        so_far.append(token)
        text = b"".join(WORDS[number] for number in so_far).decode(errors="ignore")
        if token != 5:
            assert chars == len(text)
            assert index.count([text]) == [1]
            assert index.trace(text, min_chars=1)[0].text == text.strip()


def test_white_space_counts_only_where_the_corpus_has_it() -> None:
    guide = Guide(
        Texts(["The quick brown"]), Vocabulary([b"The qui", b"ck", b" ", b"\n", b"brown"])
    )
    state = guide.state([0, 1])
    assert matches([state], [[2, 3]]).tolist() == [[10, 0]]
    # A second space adds nothing, because squash drops it.
    state.advance([2])
    assert matches([state], [[2, 4]]).tolist() == [[0, 15]]


def test_a_character_counts_once_it_is_complete() -> None:
    vocabulary = Vocabulary([b"caf", b"\xc3", b"\xa9", b"\xa8", b"\xc4", b" x"])
    guide = Guide(Texts(["a café x"]), vocabulary, min_chars=1)
    state = guide.state([0])
    assert matches([state], [[1, 4, 2]]).tolist() == [[3, 0, 0]]
    state.advance([1])
    assert matches([state], [[2, 3, 5]]).tolist() == [[4, 0, 2]]


def test_states_follow_whatever_became_of_the_response() -> None:
    guide = Guide(Texts([FOX]), Vocabulary(WORDS), min_chars=1)
    state = guide.state([0, 1])
    copied = state.copy()
    state.follow([0, 1, 2])
    assert state.tokens == [0, 1, 2]
    assert matches([state, copied], [[3], [2]]).tolist() == [[21], [19]]
    state.follow([1])
    # White space at the start does not count.
    assert matches([state], [[2]]).tolist() == [[9]]
    state.follow([])
    assert state.tokens == []
    with pytest.raises(UsageError, match="token 9 is not in the vocabulary: give ids from 0 to 8"):
        state.advance([0, 9])
    assert state.tokens == []


def test_one_call_serves_states_of_several_guides(tmp_path: Path) -> None:
    index = build_index([FOX, "A brown fox"], tmp_path / "index", n=5)
    vocabulary = Vocabulary(WORDS)
    second = Texts.of_documents(index, [("documents", "1")])
    guides = [Guide(source, vocabulary, min_chars=1) for source in (index, second, index)]
    states = [guide.state([0, 1]) for guide in guides] * 30
    rows = matches(states, np.full((90, 2), 2, dtype=np.int32))
    assert rows.tolist() == [[19, 19], [10, 10], [19, 19]] * 30
    with pytest.raises(UsageError, match="90 states but 1 rows of candidates"):
        matches(states, [[2]])


def test_documents_of_an_index_are_not_normalised_again(tmp_path: Path) -> None:
    # Squash is not idempotent: of these, it keeps two line ends.
    index = build_index(["one\n \n \ntwo"], tmp_path / "index", n=2)
    stored = index.document("documents", "0").text
    vocabulary = Vocabulary([b"one\n \n \ntwo"])
    lengths = []
    for texts in (Texts.of_documents(index, [("documents", "0")]), Texts([stored])):
        guide = Guide(texts, vocabulary, min_chars=1)
        lengths += matches([guide.state()], [[0]]).ravel().tolist()
    assert lengths[0] == len(stored)
    assert lengths[1] < lengths[0]


def test_ids_outside_the_vocabulary_have_no_match() -> None:
    guide = Guide(Texts([FOX]), Vocabulary(WORDS))
    assert matches([guide.state()], [[0, -1, 9, 7, 8]]).tolist() == [[9, 0, 0, 0, 0]]
    assert matches([], np.zeros((0, 40), dtype=int)).shape == (0, 40)
    assert [len(array) for array in ends([])] == [0, 0]


def test_a_filter_alone_ends_nothing(tmp_path: Path) -> None:
    index = build_index([FOX], tmp_path / "index", n=5, structures=["bloom"])
    found = ends([Guide(index, Vocabulary(WORDS)).state([0, 1, 2, 3])])
    assert [array.tolist() for array in found] == [[0], [0]]


def test_lengths_that_cannot_be_are_errors(tmp_path: Path) -> None:
    vocabulary = Vocabulary(WORDS)
    for least, most in [(0, 32), (8, 8), (9, 8), (1, 1025), (-1, 3), (1, 1 << 80)]:
        with pytest.raises(UsageError, match="choose 1 <= min_chars < max_chars <= 1024"):
            Guide(Texts([FOX]), vocabulary, min_chars=least, max_chars=most)
    for structure in ("bloom", "lean"):
        index = build_index([FOX], tmp_path / structure, n=33, structures=[structure])
        with pytest.raises(UsageError, match="matches of 33 characters or more: choose 33 or more"):
            Guide(index, vocabulary)
    with pytest.raises(UsageError, match="token 1: expected bytes or None, got str: encode it"):
        Vocabulary([b"a", "b"])
    with pytest.raises(UsageError, match="give ids of shape"):
        matches([], [])


def test_arguments_of_another_kind_are_errors() -> None:
    with pytest.raises(UsageError, match="the vocabulary is a list: make a Vocabulary of the"):
        Guide(Texts([FOX]), [b"a"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the source is a list: give an index, its path, or Texts"):
        Guide([FOX], Vocabulary(WORDS))  # type: ignore[arg-type]
