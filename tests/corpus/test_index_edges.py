"""The edge cases that suffix arrays and filters are known to get wrong."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from tests.naive_index import NaiveIndex, occurrences

from quotetune import (
    Document,
    Index,
    QuotetuneError,
    UsageError,
    build_index,
    quip_score,
    trace,
)

LOREM = "It was the best of times, it was the worst of times, it was the age of wisdom."


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "index"


def test_an_empty_corpus_answers_zero_everywhere(output: Path) -> None:
    index = build_index([], output)
    assert len(index) == 0 and index
    assert index.quip([LOREM]).tolist() == [0.0]
    assert index.quip([LOREM], exact=True).tolist() == [0.0]
    assert index.trace(LOREM) == []
    assert index.count(["a"]).tolist() == [0]
    assert index.contains(["a", ""]).tolist() == [False, False]
    [report] = index.score([LOREM])
    assert (report.numerator, report.denominator) == (0, len(LOREM) - 24)
    assert (report.quotes, report.longest_quote, report.covered) == ([], 0, [])


def test_empty_documents_are_documents(output: Path) -> None:
    index = build_index(["", " \n ", ""], output)
    assert len(index) == 3
    assert index.document("documents", "1").text == ""
    assert index.quip([LOREM]).tolist() == [0.0]
    assert index.trace(LOREM, min_chars=1) == []


def test_a_document_shorter_than_n_has_no_ngram_but_can_be_found(output: Path) -> None:
    index = build_index(["short", LOREM], output)
    assert index.quip(["short" * 10]).tolist() == [0.0]
    assert index.count(["short"]).tolist() == [1]
    [quote] = index.trace("a short one", min_chars=5)
    assert (quote.text, quote.documents[0].id) == ("short", "0")


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("length", range(25))
def test_a_text_shorter_than_n_has_no_score(tmp_path: Path, length: int, exact: bool) -> None:
    index = build_index([LOREM], tmp_path / "index")
    text = LOREM[1 : length + 1].strip()
    assert np.isnan(index.quip([text], exact=exact)[0])
    assert quip_score(text, index) is None
    [report] = index.score([text], exact=exact)
    assert report.too_short and report.quip_25_beta is None and report.quotes == []


def test_all_equal_characters_overlap_themselves(output: Path) -> None:
    index = build_index(["a" * 1000], output)
    assert index.count(["a" * 25, "a" * 1000, "a" * 1001]).tolist() == [976, 1, 0]
    assert index.quip(["a" * 50]).tolist() == [1.0]
    [quote] = index.trace("b" + "a" * 30)
    assert (quote.start, quote.end, quote.count, quote.documents[0].offset) == (1, 31, 971, 0)
    # Each run of 1000 is maximal: no run that is one character longer occurs anywhere.
    quotes = index.trace("a" * 1500)
    assert [(quote.start, quote.end) for quote in quotes] == [(n, n + 1000) for n in range(501)]


def test_a_duplicate_document_is_named_in_the_order_of_the_corpus(output: Path) -> None:
    index = build_index([LOREM] * 30, output, segment_bytes=200)
    [quote] = index.trace(LOREM, max_documents=12)
    assert quote.count == 30
    assert [document.id for document in quote.documents] == [str(number) for number in range(12)]
    assert {document.offset for document in quote.documents} == {0}


def test_a_document_is_named_once_however_often_it_contains_the_quote(output: Path) -> None:
    index = build_index(["xyzzy " * 20, "no xyzzy"], output)
    [quote] = index.trace("xyzzy", min_chars=5)
    assert quote.count == 21
    assert [(document.id, document.offset) for document in quote.documents] == [("0", 0), ("1", 3)]


@pytest.mark.parametrize("segment_bytes", [1, 1 << 30])
def test_no_match_crosses_from_one_document_into_the_next(output: Path, segment_bytes: int) -> None:
    index = build_index([LOREM[:40], LOREM[40:]], output, segment_bytes=segment_bytes)
    assert index.count([LOREM]).tolist() == [0]
    assert [(quote.start, quote.end) for quote in index.trace(LOREM)] == [(0, 40), (40, 78)]
    [report] = index.score([LOREM], exact=True)
    assert report.numerator == (40 - 24) + (38 - 24)
    assert report.covered == [(0, 78)]


def test_queries_before_the_first_and_after_the_last_suffix(output: Path) -> None:
    index = build_index(["mmm nnn"], output)
    queries = ["\0", "!", "a", "zzz", "\U0010ffff", "mmm", "nnn", "nnnn", "mmm nnn", "mmm nnnm"]
    assert index.count(queries).tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 1, 0]


@pytest.mark.parametrize("prefix", ["", "a", "é", "漢", "😀", "e\u0301", "aé", "漢😀a"])
def test_multi_byte_characters_at_every_offset(output: Path, prefix: str) -> None:
    body = "日本語の長い文章と😀絵文字とe\u0301のような結合文字を含む二十五文字以上の文書です。"
    index = build_index([prefix + body], output)
    [quote] = index.trace("前書き: " + body + "!")
    assert quote.text == body
    assert (quote.start, quote.end) == (5, 5 + len(body))
    assert quote.documents[0].offset == len(prefix)
    assert index.quip([body], exact=True).tolist() == index.quip([body]).tolist() == [1.0]


def test_a_combining_character_is_a_character_and_composed_forms_differ(output: Path) -> None:
    index = build_index(["cafe\u0301"], output, n=4)
    assert index.count(["e", "e\u0301", "\u0301", "é"]).tolist() == [1, 1, 1, 0]


def test_nul_characters_are_characters(output: Path) -> None:
    index = build_index(["a\0b\0\0c"], output, n=2)
    assert index.count(["\0", "\0\0", "a\0b"]).tolist() == [3, 1, 1]
    assert index.document("documents", "0").text == "a\0b\0\0c"
    assert index.quip(["a\0b"]).tolist() == [1.0]


def test_a_collapsed_run_of_white_space_belongs_to_the_quote_whole(output: Path) -> None:
    index = build_index(["one two three four five six seven"], output)
    text = "  ## one \t\t two   three four five six"
    [quote] = index.trace(text)
    assert quote.text == "one two three four five six"
    assert (quote.start, quote.end) == (5, len(text))


def test_stored_text_is_not_normalised_again(output: Path) -> None:
    # Squash is not idempotent: a second pass over "\n \n x" would change the text again.
    text = "a\n \n \n x" + "y" * 30
    index = build_index([text], output)
    stored = index.document("documents", "0").text
    assert stored != text
    assert index.quip([text], exact=True).tolist() == [1.0]


def test_without_normalisation_white_space_counts(output: Path) -> None:
    index = build_index(["a  b"], output, normalization="none", n=2)
    assert index.count(["a  b", "a b", "  "]).tolist() == [1, 0, 1]
    assert index.document("documents", "0").text == "a  b"


def test_text_positions_beyond_ascii_are_characters_of_the_text_as_given(output: Path) -> None:
    index = build_index([LOREM], output)
    [quote] = index.trace("漢字 😀\r\n " + LOREM)
    assert ("漢字 😀\r\n " + LOREM)[quote.start : quote.end] == LOREM


def test_metadata_comes_back_with_quotes_and_documents(output: Path) -> None:
    metadata = {"title": "Two Cities", "year": 1859, "tags": ["é", None], "nested": {"a": 0.5}}
    index = build_index([Document("dickens", "2c", LOREM, metadata)], output)
    [quote] = trace(LOREM, index)
    assert quote.documents[0].metadata == metadata
    assert index.document("dickens", "2c") == Document("dickens", "2c", LOREM, metadata)


@pytest.mark.parametrize("identity", [("documents", "9"), ("other", "0"), ("document", "s0")])
def test_an_unknown_document_is_an_error_that_names_it(
    output: Path, identity: tuple[str, str]
) -> None:
    index = build_index([LOREM], output)
    with pytest.raises(QuotetuneError, match=identity[1]):
        index.document(*identity)
    with pytest.raises(QuotetuneError, match=identity[1]):
        index.quip([LOREM], documents=[[identity]])


@pytest.mark.parametrize(
    ("structures", "has"),
    [("bloom", False), ("fuse", False), ("suffix", True), ("lean", True), ("bloom,lean", True)],
)
def test_an_index_knows_whether_it_has_a_suffix_index(
    output: Path, structures: str, has: bool
) -> None:
    index = build_index([LOREM], output, structures=structures.split(","))
    assert index.has_suffix_index is has


def test_an_index_of_one_structure_refuses_what_needs_the_other(output: Path) -> None:
    index = build_index([LOREM], output, structures=["bloom"])
    assert sorted(path.name for path in output.iterdir()) == [
        "filter-00000.bloom",
        "manifest.json",
    ]
    assert index.quip([LOREM]).tolist() == [1.0]
    assert index.contains([LOREM]).tolist() == [True]
    for call in (
        lambda: index.trace(LOREM),
        lambda: index.count([LOREM]),
        lambda: index.document("documents", "0"),
        lambda: index.quip([LOREM], exact=True),
        lambda: index.score([LOREM], exact=True),
        lambda: index.quip([LOREM], documents=[[("documents", "0")]]),
        lambda: index.contains(["short"]),
    ):
        with pytest.raises(QuotetuneError, match=r"no suffix index.*--structures bloom,suffix"):
            call()


def test_a_lean_index_is_small_and_says_what_it_cannot_find(output: Path) -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefghij klmno", k=3000)) for _ in range(100)]
    index = build_index(texts, output, structures=["bloom", "lean"])
    assert index.structures == ["bloom", "lean"]
    suffix = (output / "segment-00000.suffix").stat().st_size
    # 2 / (n - k + 2) of the positions, 5 bytes each, and the jump table.
    assert suffix < 300_000 * (5 * 2 / 22 * 1.1) + 4 * (1 << 16) + 4096
    with pytest.raises(UsageError, match=r"min_chars is 24, but a lean index finds .* 25"):
        index.trace(texts[0], min_chars=24)
    # A phrase that is shorter than n is also counted.
    assert index.count(["abc"])[0] == sum(
        text.startswith("abc", at) for text in texts for at in range(len(text))
    )
    with pytest.raises(UsageError, match="suffix and lean: choose one"):
        build_index(texts, output.with_name("other"), structures=["suffix", "lean"])


def test_a_suffix_index_alone_scores_exactly(output: Path) -> None:
    index = build_index([LOREM], output, structures=["suffix"])
    assert index.fpr == 0
    assert index.quip([LOREM, LOREM[:30] + "?" * 10]).tolist() == [1.0, 6 / 16]


def test_ngrams_are_counted_with_their_duplicates(output: Path) -> None:
    index = build_index(["banana", "an", "bandana"], output, n=3)
    assert index.ngrams == 4 + 0 + 5


def test_lone_surrogates_in_a_query_are_an_error(output: Path) -> None:
    index = build_index([LOREM], output)
    for call in (index.quip, index.score, index.count, index.contains, index.trace):
        with pytest.raises(QuotetuneError, match=r"text 1: .*lone surrogate"):
            call(["fine", "not \ud800 fine"])


def test_a_single_str_is_not_taken_for_a_list_of_characters(output: Path) -> None:
    index: Index = build_index([LOREM], output)
    for call in (index.quip, index.score, index.count, index.contains):
        with pytest.raises(QuotetuneError, match="give a list of texts"):
            call(LOREM)
    with pytest.raises(QuotetuneError, match="text 1: expected str"):
        index.quip(["a", 3])  # type: ignore[list-item]


@pytest.mark.parametrize("structure", ["suffix", "lean"])
def test_many_phrases_are_counted_as_each_alone(output: Path, structure: str) -> None:
    text = "".join(random.Random(1).choices("abc ", k=3000))
    index = build_index(
        [text[:2000], text[1000:]], output, n=5, structures=[structure], normalization="none"
    )
    phrases = [text[start : start + 4 + start % 3] for start in range(2000)] + ["", "zz"]
    whole = [index.document("documents", id).text for id in ("0", "1")]
    expected = [
        sum(len(occurrences(text, phrase)) for text in whole if phrase) for phrase in phrases
    ]
    assert index.count(phrases).tolist() == expected


@pytest.mark.parametrize("structure", ["suffix", "lean"])
@pytest.mark.parametrize("normalization", ["none", "squash", "fold-case"])
def test_whole_words_are_those_of_a_regular_expression(
    output: Path, structure: str, normalization: str
) -> None:
    rng = random.Random(structure + normalization)
    letters = "abé漢1 .-“😀"
    texts = ["".join(rng.choices(letters, k=rng.randrange(300))) for _ in range(12)]
    index = build_index(
        texts, output, n=5, structures=[structure], normalization=normalization, segment_bytes=900
    )
    naive = NaiveIndex([], 5, normalization)
    documents = [naive.normalized(text)[0] for text in texts]
    places = [(rng.randrange(290), rng.randrange(1, 9)) for _ in range(400)]
    words = [rng.choice(texts)[at : at + length] for at, length in places] + ["", "ab", "é"]
    expected = []
    for word in words:
        wanted = naive.normalized(word)[0]
        before = r"(?<![^\W_])" if wanted[:1].isalnum() else ""
        after = r"(?![^\W_])" if wanted[-1:].isalnum() else ""
        pattern = re.compile(f"(?={before}{re.escape(wanted)}{after})")
        expected.append(sum(len(pattern.findall(one)) for one in documents) if wanted else 0)
    assert index.count(words, whole_words=True).tolist() == expected
    assert sum(expected) < index.count(words).sum()
