"""Gold answers in responses, against the definitions written out."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.measures.answers import answer_f1, answer_recall, missing_words, normalised_words

WORDS = ["the", "a", "an", "The", "ice", "Ice", "rice", "it's", "well-known", "(", "1995", "é"]
SPACED = st.lists(
    st.sampled_from([*WORDS, " ", "\n", "\u00a0", "!", "’", "\u0301", "Σ"]), max_size=12
).map("".join)
TEXTS = st.one_of(st.text(max_size=20), SPACED, st.lists(st.sampled_from(WORDS)).map(" ".join))


def reference(text: str) -> str:
    """The four steps of SQuAD's script, one after the other."""
    text = text.lower()
    text = "".join(character for character in text if character not in string.punctuation)
    text = re.sub(r"\b(a|an|the)\b", " ", text)
    return " ".join(text.split())


@given(TEXTS)
def test_normalisation_is_squads_and_doing_it_twice_changes_nothing(text: str) -> None:
    words = normalised_words(text)
    assert words == reference(text).split()
    assert normalised_words(" ".join(words)) == words


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_an_answer_is_recalled_if_its_words_are_a_part_of_the_response(
    response: str, answers: list[str]
) -> None:
    golds = [gold for gold in map(reference, answers) if gold]
    # Of strings with a space around every word.
    contained = [f" {gold} " in f" {reference(response)} " for gold in golds]
    assert answer_recall(response, answers) == (float(any(contained)) if golds else None)


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_f1_is_the_harmonic_mean_for_the_best_answer(response: str, answers: list[str]) -> None:
    scores = []
    words = reference(response).split()
    for gold in (reference(answer).split() for answer in answers):
        if not gold:
            continue
        same = sum((Counter(words) & Counter(gold)).values())
        precision, recall = same / max(len(words), 1), same / len(gold)
        scores.append(2 * precision * recall / (precision + recall) if same else 0.0)
    expected = pytest.approx(max(scores)) if scores else None
    assert answer_f1(response, answers) == expected


@given(TEXTS, TEXTS)
def test_missing_words_are_those_whose_normal_form_the_response_lacks(
    question: str, response: str
) -> None:
    spans = missing_words(question, response)
    found = [question[start:end] for start, end in spans]
    have = set(reference(response).split())
    assert found == [
        word
        for word in re.findall(r"\S+", question)
        if any(part not in have for part in reference(word).split())
    ]


def test_the_answers_of_people() -> None:
    response = "The Eiffel Tower (330 m) was built in 1889, by Gustave Eiffel's company."
    assert answer_recall(response, ["1887", "330 m."]) == 1.0
    assert answer_recall(response, ["188", "Gustave Eiffel"]) == 0.0  # "eiffels" is another word
    assert answer_recall(response, ["tower eiffel"]) == 0.0
    assert answer_recall("", ["1889"]) == answer_f1("", ["1889"]) == 0.0
    for nothing in (None, [], ["The", "?"]):
        assert answer_recall(response, nothing) is answer_f1(response, nothing) is None
    assert answer_f1("in the year 1889", ["1889", "the year 1889"]) == 0.8
    assert answer_recall("Он родился в Москве.", ["в москве"]) == 1.0
