"""The table of criteria, and their functions against definitions that try every substring."""

import math
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune import Index, build_index
from quotetune.config import PreferenceConfig
from quotetune.config.constraints import ConstraintsConfig
from quotetune.errors import QuotetuneError
from quotetune.measures.criteria import (
    FUNCTIONS,
    long_quotes,
    on_topic_quip,
    rarity,
    repetition,
    rouge_l,
)
from quotetune.metrics.criteria import CRITERIA, OF_PREFERENCE

N = 4


def test_every_criterion_has_a_function_unless_a_file_already_contains_it():
    known = {name for name, criterion in CRITERIA.items() if criterion.known_from is not None}
    assert known == {"quip", "length"}
    assert set(FUNCTIONS) == set(CRITERIA) - known


def test_the_criteria_are_the_keys_of_preference_and_of_constraints():
    pairwise = {"judge", "callables"}
    assert set(PreferenceConfig.model_fields) == {*OF_PREFERENCE, *pairwise}
    assert set(OF_PREFERENCE) | set(ConstraintsConfig.model_fields) == set(CRITERIA)


def test_the_documentation_lists_exactly_these_criteria():
    text = (Path(__file__).parents[2] / "docs" / "preferences.md").read_text()
    row = r"^\| `(\w+)` \|.*\| (higher|lower) \| ([\d.]+) \|(.*)\|$"
    listed = {
        name: (better, float(tau), needs.strip(" `") or None)
        for name, better, tau, needs in re.findall(row, text, re.MULTILINE)
    }
    assert listed == {
        name: (CRITERIA[name].better, CRITERIA[name].tau, CRITERIA[name].needs)
        for name in OF_PREFERENCE
    }


@pytest.fixture(scope="module")
def corpus():
    """Documents of few letters and spaces, so that n-grams occur in several of them."""
    rng = random.Random(0)
    return ["".join(rng.choices("abc ", k=40)).strip().replace("  ", " ") for _ in range(12)]


@pytest.fixture(scope="module")
def normalised(corpus):
    return [" ".join(text.split()) for text in corpus]


@pytest.fixture(scope="module")
def index(normalised, tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "index"
    build_index(normalised, path, n=N)
    return Index.open(path)


@pytest.fixture(scope="module")
def texts(normalised):
    """Texts that quote pieces of the documents between other words."""
    rng = random.Random(1)
    found = ["", "ab", "zzzzzzzz"]
    for _ in range(40):
        pieces = []
        for _ in range(rng.randint(1, 4)):
            document = rng.choice(normalised)
            start = rng.randrange(len(document))
            pieces.append(document[start : start + rng.randint(2, 20)] or "b")
        text = rng.choice(["", "x", "xyz", " "]).join(pieces)
        found.append(" ".join(text.split()))
    return found


def windows(text):
    return [text[i : i + N] for i in range(len(text) - N + 1)]


def test_on_topic_quip_counts_ngrams_of_the_prompts_own_documents(index, normalised, texts):
    rng = random.Random(2)
    chosen = [rng.sample(range(len(normalised)), rng.randint(0, 3)) for _ in texts]
    documents = [[("documents", str(i)) for i in own] for own in chosen]
    values = on_topic_quip(index, texts, [*documents[:-1], None])
    for text, own, value in zip(texts[:-1], chosen[:-1], values[:-1], strict=True):
        found = windows(text)
        if not own or not found:
            assert value is None
        else:
            assert value == pytest.approx(
                sum(any(ngram in normalised[i] for i in own) for ngram in found) / len(found)
            )
    assert values[-1] is None
    with pytest.raises(QuotetuneError, match='no document "no such"'):
        on_topic_quip(index, texts[:1], [[("documents", "no such")]])


@pytest.mark.parametrize("min_chars", [[4], [9], [2, 6, 12]])
def test_long_quotes_is_the_mean_coverage_by_quotes_of_each_length(
    index, normalised, texts, min_chars
):
    def coverage(text, least):
        covered = set()
        for start in range(len(text)):
            for end in range(start + least, len(text) + 1):
                if any(text[start:end] in document for document in normalised):
                    covered.update(range(start, end))
        return len(covered) / len(text) if text else 0.0

    for text, value in zip(texts, long_quotes(index, texts, min_chars), strict=True):
        assert value == pytest.approx(
            sum(coverage(text, least) for least in min_chars) / len(min_chars)
        )


def test_one_long_quote_is_worth_more_than_many_short_ones(tmp_path):
    build_index(["0123456789abcdefghij"], tmp_path / "index", n=5, normalization="none")
    index = Index.open(tmp_path / "index")
    crumbs, long = "01234_56789_abcde_", "0123456789abcde____"[:18]
    assert index.quip([crumbs])[0] < index.quip([long])[0]
    first, second = long_quotes(index, [crumbs, long], [5])
    assert first == second == 15 / 18
    first, second = long_quotes(index, [crumbs, long], [5, 10, 15])
    assert (first, second) == (pytest.approx(5 / 18), pytest.approx(15 / 18))


def test_rarity_is_the_mean_information_of_the_quoted_ngrams(index, normalised, texts):
    everywhere = [ngram for document in normalised for ngram in windows(document)]

    def naive(text):
        quoted = [
            ngram for ngram in windows(text) if ngram in everywhere and ngram == ngram.strip()
        ]
        information = [-math.log(everywhere.count(ngram) / len(everywhere)) for ngram in quoted]
        return sum(information) / len(information) if information else 0.0

    values = rarity(index, texts)
    assert values == pytest.approx([naive(text) for text in texts])
    assert max(values) > 0
    assert values[2] == 0.0  # quotes nothing


def test_ngrams_that_would_be_normalised_to_others_have_no_part_in_the_rarity(tmp_path):
    build_index(["ab\n\n cd", "ab\n\n cd", "wxyz"], tmp_path / "index", n=4)
    index = Index.open(tmp_path / "index")
    (text, _) = index.windows(["ab\n\n cd"])[0]
    total = sum(len(windows(found)) for found in (text, text, "wxyz"))
    assert rarity(index, ["wxyz"]) == [pytest.approx(math.log(total / 1))]
    assert rarity(index, ["ab\n\n cd"])[0] <= math.log(total / 2) + 1e-12


@given(st.lists(st.sampled_from("ab"), max_size=20))
def test_repetition_is_the_share_of_4_grams_seen_before(words):
    seen, repeated, total = [], 0, 0
    for i in range(len(words) - 3):
        ngram = words[i : i + 4]
        repeated += ngram in seen
        seen.append(ngram)
        total += 1
    assert repetition("  ".join(words)) == pytest.approx(repeated / total if total else 0)


@given(
    st.lists(st.sampled_from(["ab", "c", "d"]), max_size=8),
    st.lists(st.sampled_from(["ab", "c", "d"]), max_size=8),
)
def test_rouge_l_is_the_f_measure_of_the_longest_common_subsequence(response, reference):
    longest = {(0, 0): 0}
    for i in range(len(response) + 1):
        for j in range(len(reference) + 1):
            if i and j and response[i - 1] == reference[j - 1]:
                longest[i, j] = longest[i - 1, j - 1] + 1
            else:
                longest[i, j] = max(longest.get((i - 1, j), 0), longest.get((i, j - 1), 0))
    common = longest[len(response), len(reference)]
    total = len(response) + len(reference)
    expected = 2 * common / total if total else 0
    assert rouge_l(" ".join(response), ". ".join(reference).upper()) == pytest.approx(expected)
