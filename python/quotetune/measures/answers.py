"""The gold answers of a prompt in a response, with the normalisation of SQuAD."""

import re
import string
from collections import Counter
from collections.abc import Sequence

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WORD = re.compile(r"\S+")


def normalised_words(text: str) -> list[str]:
    """Return the words of a text as the evaluation script of SQuAD 1.1 compares them.

    The text is lower-cased, ASCII punctuation is removed, and so are the articles a, an and the.
    White space separates words (Rajpurkar et al. 2016, section 6.1). The articles are those of
    English; other languages keep theirs.

    Args:
        text: The text.

    Example:
        >>> normalised_words("The well-known Eiffel Tower, a landmark.")
        ['wellknown', 'eiffel', 'tower', 'landmark']
    """
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def answer_recall(response: str, answers: Sequence[str] | None) -> float | None:
    """Return 1 if a response contains one of the gold answers, and 0 otherwise.

    A response contains an answer if the words of the answer occur in it one after the other, both
    normalised. This is `has_answer` of DrQA (Chen et al. 2017), which retrieval is measured with
    (Karpukhin et al. 2020), with the normalisation of SQuAD. Others look for the answer as a string
    (Mallen et al. 2023; Gao et al. 2023), and then "ice" would occur in "rice".

    Args:
        response: The response.
        answers: The gold answers.

    Returns:
        1.0 or 0.0; None if there are no answers. An answer of which the normalisation leaves
        nothing, such as "The", does not count.

    Example:
        >>> answer_recall("It was built by Gustave Eiffel.", ["the Gustave Eiffel"])
        1.0
        >>> answer_recall("A bowl of rice.", ["ice"])
        0.0
    """
    golds = _golds(answers)
    if not golds:
        return None
    words = normalised_words(response)
    return float(any(_contains(words, gold) for gold in golds))


def answer_f1(response: str, answers: Sequence[str] | None) -> float | None:
    """Return the F1 of SQuAD 1.1: the best overlap of words with one of the gold answers.

    F1 is the harmonic mean of precision and recall of the normalised words, each counted as often
    as it occurs (Rajpurkar et al. 2016, section 6.1). It is low for a response that is longer than
    the answer, however correct.

    Args:
        response: The response.
        answers: The gold answers.

    Returns:
        A number from 0 to 1; None if there are no answers, as with `answer_recall`.

    Example:
        >>> answer_f1("in Paris", ["Paris", "Paris, France"])
        0.6666666666666666
    """
    golds = _golds(answers)
    if not golds:
        return None
    words = normalised_words(response)
    return max(_f1(words, gold) for gold in golds)


def missing_words(question: str, response: str) -> list[tuple[int, int]]:
    """Find the words of a question that a response does not contain.

    Words are runs of characters other than white space, and are compared after SQuAD's
    normalisation. A word of which it leaves nothing, such as an article, is not among them.

    Args:
        question: The question.
        response: The response.

    Returns:
        Where each word starts and ends in the question, in characters.

    Example:
        >>> missing_words("Who built the Tower?", "Eiffel built it.")
        [(0, 3), (14, 20)]
    """
    contained = set(normalised_words(response))
    return [
        match.span()
        for match in _WORD.finditer(question)
        if set(normalised_words(match.group())) - contained
    ]


def _golds(answers: Sequence[str] | None) -> list[list[str]]:
    return [words for words in map(normalised_words, answers or ()) if words]


def _contains(words: list[str], gold: list[str]) -> bool:
    size = len(gold)
    return any(words[i : i + size] == gold for i in range(len(words) - size + 1))


def _f1(words: list[str], gold: list[str]) -> float:
    common = (Counter(words) & Counter(gold)).total()
    return 2 * common / (len(words) + len(gold))
