"""What passes under `never` and `verbatim`, against naive rules on the text alone."""

import itertools
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import naive_guide
import naive_quotes
from naive_index import NaiveIndex, windows
from quotetune import UsageError, build_index
from quotetune.config import GuideConfig
from quotetune.corpus.guide import Guide, Texts, Vocabulary, completes
from quotetune.decoding.guidance import Guidance, GuidedResponse
from quotetune.decoding.rule import Never, mask
from quotetune.decoding.verbatim import LONGEST_QUOTE, Quoting, Verbatim, quotes_of
from tiny_model import tiny_tokenizer

N = 4
MARKS = "<>"
LETTERS = ["a", "b", " ", "é", "<", ">"]


def naive_of(documents: list[str], normalization: str = "squash") -> NaiveIndex:
    naive = NaiveIndex([], N, normalization)
    naive.documents = [naive.normalized(text)[0] for text in documents]
    return naive


def vocabulary_of(rng: random.Random) -> list[bytes]:
    """All letters, the bytes of one that has two, and a few longer tokens."""
    tokens = [b"", *(letter.encode() for letter in LETTERS), b"\xc3", b"\xa9", b"\xff", b"a\xc3"]
    tokens += ["".join(rng.choices(LETTERS, k=rng.randrange(2, 7))).encode() for _ in range(8)]
    return tokens


def ngrams(naive: NaiveIndex, tokens: list[bytes]) -> bool:
    """Whether a text has an n-gram of the corpus, as before a further character."""
    text, _ = naive_guide.text_of(naive, tokens)
    known = {window for document in naive.documents for window in windows(document, N)}
    return not known.isdisjoint(windows(text, N))


@pytest.mark.parametrize("structures", [["bloom"], ["suffix"], ["bloom", "lean"], ["fuse"]])
@pytest.mark.parametrize("normalization", ["squash", "fold", "none"])
def test_a_token_passes_never_exactly_if_it_completes_no_ngram(tmp_path, structures, normalization):
    rng = random.Random(str((structures, normalization)))
    blocked = passed = 0
    for number in range(12):
        documents = ["".join(rng.choices("ab é\u0301", k=20)) for _ in range(3)]
        naive = naive_of(documents, normalization)
        index = build_index(
            documents,
            tmp_path / str(number),
            n=N,
            structures=structures,
            normalization=normalization,
            **({"bits_per_ngram": 32} if "bloom" in structures else {}),
        )
        tokens = [*vocabulary_of(rng), "\u0301".encode(), b"  "]
        guide = Guide(index, Vocabulary(tokens), min_chars=1, max_chars=N)
        rule, taken = Never(guide, len(tokens)), []
        for _ in range(12):
            order = list(range(len(tokens)))
            passes = rule.passes(order, None)
            for token, found in zip(order, passes, strict=True):
                after = [*taken, tokens[token]]
                if not found:
                    blocked += 1
                    assert ngrams(naive, after) or is_broken(naive, taken, tokens[token])
                else:
                    passed += 1
                    assert not ngrams(naive, after)
            token = rng.choice([token for token, found in enumerate(passes) if found])
            rule.take(token)
            taken.append(tokens[token])
    assert min(blocked, passed) > 100


def is_broken(naive: NaiveIndex, taken: list[bytes], token: bytes) -> bool:
    """Whether a token leaves bytes behind that are no text."""
    before, after = (
        sum("\udc80" <= char <= "\udcff" for char in naive_guide.text_of(naive, tokens)[0])
        for tokens in (taken, [*taken, token])
    )
    return after > before


def naive_passes(text: str, naive: NaiveIndex, left: int) -> bool:
    """Whether a text may be a response so far, with some tokens left."""
    rest = text
    for quote in naive_quotes.quotes(text, MARKS, N, naive):
        kept = naive.normalized(quote + "x")[0][:-1]  # with white space at its end
        if not any(kept in document for document in naive.documents):
            return False
        rest = rest.split(MARKS[0], 1)[1][len(quote) + 1 :]
    if MARKS[0] not in rest:
        return True
    raw = rest.split(MARKS[0], 1)[1]
    inner = naive.normalized(raw + "x")[0][:-1]
    if raw and not inner:  # white space adds nothing
        return False
    # Each character is a token, one more may be white space that does not count, and one closes.
    needed = 1 if len(naive.normalized(raw)[0]) >= N else max(N - len(inner) + 1, 1) + 1
    return left >= needed and any(
        document.startswith(inner, at) and len(document) - at >= N
        for document in naive.documents
        for at in range(len(document) + 1)
    )


@settings(max_examples=1000)
@given(st.integers(0, 2**32))
def test_a_token_passes_verbatim_exactly_if_its_quotes_can_stand(seed: int) -> None:
    rng = random.Random(seed)
    documents = ["".join(rng.choices([*LETTERS[:4], rng.choice("<>ab")], k=12)) for _ in range(3)]
    naive = naive_of(documents)
    tokens = vocabulary_of(rng)
    guide = Guide(Texts(documents), Vocabulary(tokens), min_chars=1, max_chars=LONGEST_QUOTE)
    ids = {data: [n for n, one in enumerate(tokens) if one == data] for data in tokens}
    quoting = Quoting(guide, tokens, MARKS, N, ids=ids)
    rule, text, taken = Verbatim(quoting), "", b""
    for left in range(20, 0, -1):
        passes = rule.passes(range(len(tokens)), left)
        if rule.is_open and not text.rstrip().endswith("<"):
            # A few texts have few occurrences, so nothing that stays in the quote is missing. But
            # at its start, white space would not count.
            within = {n for n, one in enumerate(tokens) if passes[n] and b">" not in one}
            assert within <= set(rule.fallback())
        for token, found in zip(tokens, passes, strict=True):
            try:
                after = (taken + token).decode()
            except UnicodeDecodeError:
                continue
            # White space adds nothing after white space, so it does not come out.
            if token.strip() and b"  " not in text[-1:].encode() + token:
                assert found == naive_passes(after, naive, left - 1), (text, token)
        choices = [number for number, found in enumerate(passes) if found]
        if not choices:
            break
        number = rng.choice(choices)
        rule.take(number)
        taken += tokens[number]
        text = taken.decode("utf-8", "replace")
    found = [text[start:end] for start, end in quotes_of(text, quoting)]
    assert found == naive_quotes.quotes(text, MARKS, N, naive)
    assert all(naive_quotes.stands(quote, naive, N) for quote in found)


def test_a_filter_alone_and_a_lean_index_cannot_quote(tmp_path):
    for name in ("bloom", "lean"):
        structures = ["bloom"] if name == "bloom" else ["bloom", "lean"]
        index = build_index(["abcdefgh"], tmp_path / name, n=N, structures=structures)
        guide = Guide(index, Vocabulary([b"a"]), min_chars=1, max_chars=LONGEST_QUOTE)
        rule = Verbatim(Quoting(guide, [b"a"], "", N))
        with pytest.raises(UsageError, match="build it with --structures bloom,suffix"):
            rule.passes([0], None)
    with pytest.raises(UsageError, match="give an index of what may not come out"):
        completes([Guide(Texts(["abcd"]), Vocabulary([b"a"])).state()], [[0]])


class Only:
    """A rule under which some tokens pass."""

    def __init__(self, passing, fallback=()):
        self.passing, self.named, self.asked = set(passing), fallback, []

    def fallback(self):
        return self.named

    def take(self, token):
        pass

    def passes(self, tokens, left):
        self.asked.append(list(tokens))
        return [token in self.passing for token in tokens]


@pytest.mark.parametrize(
    ("passing", "kept", "asked"),
    [
        ([9, 7, 0], [9], [2]),  # of the two most probable ones
        ([5, 0], [5], [2, 6]),  # none of them: four times as many, of which two are known
        ([0], [0], [2, 6, 2]),
        ([], [1, 3], [2, 6, 2]),  # nothing passes: the response ends
    ],
)
def test_more_tokens_are_asked_for_until_one_passes(passing, kept, asked):
    logits = torch.arange(10.0)
    rule = Only(passing)
    mask(logits, rule, None, 2, ends=[1, 3])
    assert [len(tokens) for tokens in rule.asked] == asked
    assert sorted(itertools.chain(*rule.asked)) == list(range(10 - sum(asked), 10))
    expected = [float(i) if i in kept else -torch.inf for i in range(10)]
    assert logits.tolist() == expected


def test_the_tokens_that_a_rule_names_are_asked_for_before_others():
    logits = torch.arange(10.0)
    rule = Only([0, 1, 6], fallback=[0, 1, 2])
    mask(logits, rule, None, 2, ends=[3])
    assert rule.asked == [[9, 8], [0, 1, 2]]
    assert logits.isfinite().nonzero().flatten().tolist() == [0, 1]


def test_a_quote_that_occurs_often_may_go_on_beyond_the_probable_tokens():
    tokens = [b"Once upon", b" a", b" of", b"!", b""]
    ids = {data: [number] for number, data in enumerate(tokens)}
    for count in (200, 300):
        guide = Guide(Texts(["Once upon a time"] * count), Vocabulary(tokens), min_chars=1)
        rule = Verbatim(Quoting(guide, tokens, "", N, ends=[4], ids=ids))
        rule.take(0)
        logits = torch.tensor([0.0, 1.0, 3.0, 4.0, 2.0])
        mask(logits, rule, None, 1, ends=[4])
        assert logits.isfinite().nonzero().flatten().tolist() == [1, 4]


def test_an_end_that_is_ruled_out_is_not_forced():
    rule = Only([0, 9], fallback=[0])
    logits = torch.arange(10.0)
    logits[0] = -torch.inf
    rule.passing = {0, 3}
    mask(logits, rule, None, 2, ends=[0])
    assert logits.isfinite().nonzero().flatten().tolist() == [3]


def test_a_rule_is_made_again_from_all_tokens_after_a_preemption(tmp_path):
    tokens = [b"ab", b"cd", b"x"]
    index = build_index(["abcd"], tmp_path / "index", n=4)
    guide = Guide(index, Vocabulary(tokens), min_chars=1, max_chars=4)
    response = GuidedResponse(None, 0.0, lambda: Never(guide, 3), 5)
    for tokens_so_far, passes, left in (([2], True, 4), ([2, 0], False, 3), ([2], True, 4)):
        response.follow(tokens_so_far)
        assert response.rule.passes([1], None) == [passes]
        assert response.left == left


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"marks": "<>"}, "set it, too"),
        ({"mode": "verbatim", "marks": "<"}, "give two characters, or none"),
        ({"mode": "never", "documents": "prompt"}, "set documents to corpus"),
    ],
)
def test_keys_that_contradict_the_mode_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        GuideConfig(**settings)


def test_a_guide_without_a_mode_is_what_it_was():
    assert GuideConfig().model_dump().keys().isdisjoint({"mode", "marks"})


def test_a_mode_needs_an_end_of_text(tmp_path):
    build_index(["abcd"], tmp_path / "index", n=4)
    tokenizer = tiny_tokenizer()
    Guidance(tmp_path / "index", tokenizer, GuideConfig(mode="never"))  # it takes the tokenizer's
    tokenizer.eos_token = None
    with pytest.raises(UsageError, match="needs a token that ends a text"):
        Guidance(tmp_path / "index", tokenizer, GuideConfig(mode="never"))


def test_a_response_that_may_not_be_answered_ends(tmp_path):
    build_index(["abcd"], tmp_path / "index", n=4)
    tokenizer = tiny_tokenizer()
    ends = [tokenizer.eos_token_id]
    guidance = Guidance(tmp_path / "index", tokenizer, GuideConfig(mode="verbatim"), ends)
    logits = torch.zeros(2, len(tokenizer))
    guidance.steer(logits, [1], [guidance.no_response()])
    assert logits[0].eq(0).all()
    assert logits[1].isfinite().nonzero().flatten().tolist() == ends


def test_outputs_of_a_model_that_are_no_tokens_do_not_come(tmp_path):
    index = build_index(["abcd"], tmp_path / "index", n=4)
    guide = Guide(index, Vocabulary([b"a"]), min_chars=1, max_chars=4)
    for rule in (Never(guide, 1), Verbatim(Quoting(guide, [b"a"], MARKS, N))):
        assert rule.passes([0, 1], None) == [True, False]
