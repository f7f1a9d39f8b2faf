"""The index against a naive one, on random corpora and queries, small alphabets and Unicode."""

import random
import shutil
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import quotetune
from naive_fold import fold, fold_with_origins
from naive_index import NaiveIndex, occurrences, squash
from quotetune import Index

CORPORA = 400
QUERIES = 40
# Of the questions that are asked about all corpora, so many differ at least.
DISTINCT_SHARE = 5 / 8
STRUCTURES = [
    ["suffix"],
    ["bloom", "suffix"],
    ["fuse", "suffix"],
    ["lean"],
    ["bloom", "lean"],
    ["fuse", "lean"],
]
# Characters that fold to more or to fewer, go together, change places, become white space or go.
TYPOGRAPHY = [
    'aﬃ…fi.“"—-\u00ad\u200b \n',
    "eE\u0301\u0323\u0307\u0327ḝÉ¨ q",
    "각\u1100\u1161\u11a8가ㄱㅏ\u3000 ",
    "ßẞsSΣσςİiı\u0345α",
]
ALPHABETS = ["a", "ab", "ab ", "a \n\r\t", "aé漢😀", "e\u0301a\u200d👩", "\0b\x1c\u2028 \u3000\x85"]


@dataclass
class Case:
    documents: list[str]
    queries: list[str]
    n: int
    normalization: str
    segment_bytes: int
    structures: list[str]


def random_text(rng: random.Random, alphabet: str, longest: int) -> str:
    return "".join(rng.choices(alphabet, k=rng.randrange(longest + 1)))


def query(rng: random.Random, documents: list[str], alphabet: str) -> str:
    """Pieces of documents and random pieces, so that matches are long, touch and overlap."""
    pieces = []
    for _ in range(rng.randrange(1, 4)):
        document = rng.choice(documents) if documents and rng.random() < 0.7 else ""
        if document:
            start = rng.randrange(len(document))
            pieces.append(document[start : start + rng.randrange(1, 45)])
        else:
            pieces.append(random_text(rng, alphabet, 12))
    return "".join(pieces)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = random.Random(draw(st.integers(0, 2**32)))
    normalization = draw(st.sampled_from(["squash", "none", "fold", "fold-case"]))
    folds = normalization.startswith("fold")
    alphabet = draw(st.sampled_from(TYPOGRAPHY if folds else ALPHABETS))
    documents = [random_text(rng, alphabet, 50) for _ in range(draw(st.integers(0, 6)))]
    if documents and draw(st.booleans()):
        documents.append(rng.choice(documents))
    return Case(
        documents=documents,
        queries=[query(rng, documents, alphabet) for _ in range(QUERIES)],
        n=draw(st.sampled_from([1, 2, 3, 5, 8, 25])),
        normalization=normalization,
        segment_bytes=draw(st.sampled_from([1, 40, 1 << 30])),
        structures=draw(st.sampled_from(STRUCTURES)),
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("property") / "index"


def built(case: Case, output: Path) -> Index:
    shutil.rmtree(output, ignore_errors=True)
    return quotetune.build_index(
        case.documents,
        output,
        n=case.n,
        normalization=case.normalization,
        segment_bytes=case.segment_bytes,
        structures=case.structures,
        threads=1,
    )


@pytest.mark.parametrize("corpora", [CORPORA // 4, pytest.param(CORPORA, marks=pytest.mark.slow)])
def test_every_answer_of_the_suffix_index_is_the_naive_one(output: Path, corpora: int) -> None:
    asked: set[int] = set()

    @settings(max_examples=corpora, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(case=cases())
    def check(case: Case) -> None:
        asked.update(hash((case.n, *case.documents, text)) for text in case.queries)
        assert_answers_are_the_naive_ones(case, output)

    check()
    assert len(asked) >= DISTINCT_SHARE * QUERIES * corpora


def assert_answers_are_the_naive_ones(case: Case, output: Path) -> None:
    index = built(case, output)
    naive = NaiveIndex(case.documents, case.n, case.normalization)
    expected_numerators = [naive.numerator(text) for text in case.queries]

    for number in range(len(naive.documents)):
        assert index.document("documents", str(number)).text == naive.kept(number)
    assert index.count(case.queries).tolist() == [naive.count(text) for text in case.queries]
    assert index.contains(case.queries).tolist() == [naive.count(text) > 0 for text in case.queries]
    for text, numerator, report, score in zip(
        case.queries,
        expected_numerators,
        index.score(case.queries, exact=True),
        index.quip(case.queries, exact=True),
        strict=True,
    ):
        assert (report.numerator, report.denominator) == (numerator, naive.denominator(text))
        counts = index.quip_counts([text], exact=True).tolist()
        assert counts == [[report.numerator, report.denominator]]
        assert report.too_short == (report.denominator == 0) == np.isnan(score)
        if not report.too_short:
            assert score == report.quip_25_beta == numerator / report.denominator
        assert report.covered == naive.covered(text)
        assert_same_quotes(report.quotes, naive.quotes(text, case.n, 10))
        lengths = [end - start for start, end in naive.spans(text, case.n)]
        assert report.longest_quote == max(lengths, default=0)


@settings(
    max_examples=CORPORA // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases(), seed=st.integers(0, 2**32), most=st.integers(0, 3))
def test_the_documents_that_contain_several_texts_are_the_naive_ones(
    case: Case, output: Path, seed: int, most: int
) -> None:
    rng = random.Random(seed)
    index = built(case, output)
    naive = NaiveIndex(case.documents, case.n, case.normalization)
    for _ in range(QUERIES):
        # Short texts, so that several of them meet in a document.
        texts = [text[: rng.randrange(1, 8)] for text in rng.choices(case.queries, k=5)]
        texts = [text for text in texts if naive.normalized(text)[0]]
        clauses = [rng.sample(texts, rng.randrange(1, len(texts) + 1)) for _ in texts[:3]]
        if not clauses:
            continue
        expected = naive.containing(clauses)
        asked = [clause[0] if len(clause) == 1 else clause for clause in clauses]
        found = index.containing(*asked, max_documents=most)
        assert found.count == len(expected)
        assert [int(document.id) for document in found.documents] == expected[:most]
        assert [document.text for document in found.documents] == [
            naive.kept(number) for number in expected[:most]
        ]


@settings(
    max_examples=CORPORA,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases(), chars=st.integers(1, 12), times=st.integers(2, 4), most=st.integers(0, 6))
def test_what_repeats_is_what_the_naive_count_finds(
    case: Case, output: Path, chars: int, times: int, most: int
) -> None:
    structures = ["suffix"] if "lean" in case.structures else case.structures
    index = built(replace(case, structures=structures), output)
    naive = NaiveIndex(case.documents, case.n, case.normalization)
    ranges, texts = naive.repeats(chars, times)
    found = index.repeats(chars, times, max_texts=most, max_documents=2)
    assert found.ranges == len(ranges)
    assert found.chars == sum(end - start for _, (start, end) in ranges)
    assert found.documents == len({number for number, _ in ranges})
    assert [one.text for one in found.texts] == texts[:most]
    for one in found.texts:
        places = [occurrences(document, one.text) for document in naive.documents]
        assert one.chars == len(one.text)
        assert one.count == sum(map(len, places)) >= times
        assert [(int(document.id), document.offset) for document in one.documents] == [
            (number, naive.offset(number, at[0])) for number, at in enumerate(places) if at
        ][:2]


def test_rare_texts_of_long_documents_are_found_by_their_occurrences(output: Path) -> None:
    # In long documents, it is quicker to look at the occurrences of the second text, too.
    long = "lorem ipsum " * 300
    documents = [f"{long}cat", f"cat {long}dog", f"{long}dog", f"dog {long} cat", f"dog {long}"]
    case = Case(documents, [], 5, "squash", 10_000, ["suffix"])
    found = built(case, output).containing("cat", "dog", max_documents=5)
    assert [document.id for document in found.documents] == ["1", "3"]


def assert_same_quotes(quotes, expected) -> None:
    assert [(quote.start, quote.end, quote.text, quote.count) for quote in quotes] == [
        (quote.start, quote.end, quote.text, quote.count) for quote in expected
    ]
    assert [[(int(d.id), d.offset) for d in quote.documents] for quote in quotes] == [
        quote.documents for quote in expected
    ]


@settings(
    max_examples=CORPORA // 3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases(), min_chars=st.integers(1, 12), max_documents=st.integers(0, 3))
def test_trace_finds_the_naive_quotes_at_any_length_below_and_above_n(
    case: Case, output: Path, min_chars: int, max_documents: int
) -> None:
    index = built(case, output)
    naive = NaiveIndex(case.documents, case.n, case.normalization)
    if "lean" in case.structures:
        min_chars = max(min_chars, case.n)
    traces = index.trace(case.queries, min_chars, max_documents)
    for text, quotes in zip(case.queries, traces, strict=True):
        assert_same_quotes(quotes, naive.quotes(text, min_chars, max_documents))


@settings(
    max_examples=CORPORA // 3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases(), seed=st.integers(0, 2**32))
def test_on_topic_quip_counts_the_windows_of_the_named_documents_only(
    case: Case, output: Path, seed: int
) -> None:
    index = built(case, output)
    naive = NaiveIndex(case.documents, case.n, case.normalization)
    rng = random.Random(seed)
    count = len(case.documents)
    topics = [rng.choices(range(count), k=rng.randrange(3)) if count else [] for _ in case.queries]
    identities = [[("documents", str(number)) for number in topic] for topic in topics]
    scores = index.quip(case.queries, documents=identities)
    for text, topic, score in zip(case.queries, topics, scores, strict=True):
        denominator = naive.denominator(text)
        if denominator == 0:
            assert np.isnan(score)
        else:
            assert score == naive.topic_numerator(text, topic) / denominator


@settings(
    max_examples=CORPORA // 3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases(), structure=st.sampled_from(["bloom", "fuse"]))
def test_a_filter_never_misses_an_ngram(case: Case, structure: str, output: Path) -> None:
    case.structures = [structure]
    index = built(case, output)
    naive = NaiveIndex(case.documents, case.n, case.normalization)
    for text, report in zip(case.queries, index.score(case.queries), strict=True):
        assert naive.numerator(text) <= report.numerator <= report.denominator
        assert report.denominator == naive.denominator(text)
        assert report.quotes is None and report.longest_quote is None
        # The n-grams that the filter contains cover everything that the quotes cover.
        exactly = {at for run in naive.covered(text) for at in range(*run)}
        assert exactly <= {at for run in report.covered for at in range(*run)}


@pytest.mark.parametrize("options", [{}, {"fpr": 0.01}, {"fpr": 0.001}, {"bits_per_ngram": 10}])
def test_false_positives_of_the_filter_come_at_the_stated_rate(
    tmp_path: Path, options: dict[str, float]
) -> None:
    rng = random.Random(3)
    texts = ["".join(rng.choices("abcdefgh ", k=2000)) for _ in range(100)]
    index = quotetune.build_index(texts, tmp_path / "index", structures=["bloom"], **options)
    strangers = ["".join(rng.choices("abcdefgh ", k=2024)) for _ in range(400)]
    reports = index.score(strangers)
    asked = sum(report.denominator for report in reports)
    false = sum(report.numerator for report in reports)
    assert abs(false - asked * index.fpr) <= 5 * (asked * index.fpr) ** 0.5 + asked * index.fpr / 10
    if "fpr" in options:
        assert index.fpr == pytest.approx(options["fpr"], rel=0.1)
    assert all(report.numerator == report.denominator for report in index.score(texts))


@given(text=st.text(alphabet=st.sampled_from(" \n\r\t\x0b\x1c\x85\u2028\u3000ab"), max_size=30))
@settings(max_examples=300, deadline=None)
def test_naive_squash_with_origins_is_the_three_passes(text: str) -> None:
    from naive_index import squash_with_origins

    squashed, origins = squash_with_origins(text)
    assert squashed == squash(text)
    assert len(origins) == len(squashed)


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("".join(TYPOGRAPHY)))
)
@settings(max_examples=300, deadline=None)
def test_naive_fold_with_origins_is_its_passes(text: str) -> None:
    for case in (False, True):
        folded, origins = fold_with_origins(text, case)
        assert folded == fold(text, case)
        assert len(origins) == len(folded)


def test_every_character_folds_as_python_folds_it(tmp_path: Path) -> None:
    # Those that Python's older tables know, each for itself and with an accent behind it.
    known = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    texts = [f"a{c}\u0301b" for c in known if not c.isspace()]
    for normalization in ("fold", "fold-case"):
        path = tmp_path / normalization
        index = quotetune.build_index(["a"], path, n=1, normalization=normalization)
        case = normalization == "fold-case"
        folded = [text for text, _ in index.windows(texts)]
        expected = [squash(fold(text, case)) for text in texts]
        assert [pair for pair in zip(folded, expected, strict=True) if pair[0] != pair[1]] == []
