"""The functions that compute the criteria of `quotetune.metrics.criteria`, one per name.

QUIP and the length are not here: the files of scoring and sampling already contain them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum, log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quotetune.config import ModelConfig
from quotetune.corpus.index import Index
from quotetune.errors import UsageError
from quotetune.measures.answers import answer_recall
from quotetune.measures.model_criteria import (
    Numbers,
    Prompts,
    answerability,
    bart_score,
    perplexity,
)
from quotetune.measures.neural import Places

_REPETITION_WORDS = 4
# White space that an index removes when it normalises an n-gram again.
_NOT_STABLE = re.compile(r"^\s|\s$|\n\s")


def on_topic_quip(
    index: Index, texts: Sequence[str], documents: Sequence[Sequence[tuple[str, str]] | None]
) -> Numbers:
    """Return the share of each text's n-grams that occur in its own documents.

    Args:
        index: The index of the corpus.
        texts: The texts.
        documents: For each text, the (source, id) of the documents that belong to its prompt; None
            or an empty list if there are none.

    Returns:
        A fraction per text; None without documents, and for a text that is too short.

    Raises:
        QuotetuneError: The index does not contain one of the documents.
    """
    values: Numbers = [None] * len(texts)
    known = {i: own for i, own in enumerate(documents) if own}
    found = index.quip([texts[i] for i in known], documents=list(known.values()))
    for i, value in zip(known, found.tolist(), strict=True):
        values[i] = value if value == value else None
    return values


def long_quotes(index: Index, texts: Sequence[str], min_chars: Sequence[int]) -> Numbers:
    """Return the share of each text's characters that are inside long quotes.

    It is the mean over L of the coverage by maximal quotes of at least L characters. The Creativity
    Index (Lu et al. 2024) sums the share that is not covered over L, in words.

    Args:
        index: The index of the corpus, with a suffix index.
        texts: The texts.
        min_chars: The lengths L.

    Returns:
        A fraction per text; 0 for an empty one.
    """
    traces = index.trace(texts, min_chars=min(min_chars), max_documents=0)
    values: Numbers = []
    for text, quotes in zip(texts, traces, strict=True):
        covered = 0
        for least in min_chars:
            end = 0
            for quote in quotes:
                if len(quote.text) >= least:
                    covered += max(quote.end - max(quote.start, end), 0)
                    end = max(quote.end, end)
        values.append(covered / (len(min_chars) * len(text)) if text else 0.0)
    return values


def rarity(index: Index, texts: Sequence[str]) -> Numbers:
    """Return how rare the quoted n-grams of each text are in the corpus.

    It is the mean of -ln(count / total) over the n-grams of the text that occur in the corpus,
    including duplicates. `count` is the exact number of occurrences in the corpus, and `total` is
    the number of n-grams in the corpus, including duplicates. N-grams that start or end with white
    space, or have a line break before white space, are left out, because an index that normalises
    would look up a different n-gram.

    Args:
        index: The index of the corpus, with a suffix index.
        texts: The texts.

    Returns:
        Nats per text, 0 or more; 0 for a text that quotes nothing.
    """
    total = index.ngrams
    quoted = [_looked_up(text, hits, index.n) for text, hits in index.windows(texts, exact=True)]
    distinct = list(dict.fromkeys(ngram for ngrams in quoted for ngram in ngrams))
    counts = dict(zip(distinct, index.count(distinct).tolist(), strict=True))
    return [_mean_information([counts[ngram] for ngram in ngrams], total) for ngrams in quoted]


def _looked_up(text: str, hits: NDArray[np.bool_], n: int) -> list[str]:
    ngrams = (text[i : i + n] for i in hits.nonzero()[0].tolist())
    return [ngram for ngram in ngrams if not _NOT_STABLE.search(ngram)]


def _mean_information(counts: Sequence[int], total: int) -> float:
    return fsum(log(total / count) for count in counts) / len(counts) if counts else 0.0


def reference_similarity(texts: Sequence[str], prompts: Prompts) -> Numbers:
    """Return the ROUGE-L of each text against its prompt's reference; None without one."""
    return [
        None if prompt is None or prompt.reference is None else rouge_l(text, prompt.reference)
        for text, prompt in zip(texts, prompts, strict=True)
    ]


def repetition(text: str) -> float:
    """Return the share of a text's word 4-grams that occur earlier in it.

    Args:
        text: The text. White space separates words.

    Returns:
        1 - distinct / all; 0 for a text of fewer than four words.

    Example:
        >>> repetition("to be or not to be or not")
        0.2
    """
    words = text.split()
    ngrams = [
        tuple(words[i : i + _REPETITION_WORDS]) for i in range(len(words) - _REPETITION_WORDS + 1)
    ]
    return (len(ngrams) - len(set(ngrams))) / len(ngrams) if ngrams else 0.0


def rouge_l(response: str, reference: str) -> float:
    """Return the F-measure of ROUGE-L (Lin 2004), between 0 and 1.

    Args:
        response: The response.
        reference: The reference.

    Raises:
        UsageError: The package rouge-score is not installed.

    Example:
        >>> round(rouge_l("The cat sat.", "the cat sat down"), 3)
        0.857
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise UsageError("ROUGE-L needs rouge-score: install quotetune[train]") from error
    score = RougeScorer(["rougeL"]).score(target=reference, prediction=response)
    return float(score["rougeL"].fmeasure)


@dataclass(frozen=True)
class Given:
    """The inputs of criteria other than texts and their prompts.

    Attributes:
        index: The index of the corpus.
        min_chars: The lengths of `long_quotes`; empty if the config does not have it.
        model: The model; None for a criterion without one.
        work: Directory for the files of a model's child process.
        places: Where a model measures, as for `neural.run_jobs`.
    """

    index: Path
    min_chars: Sequence[int]
    model: ModelConfig | None
    work: Path
    places: Places = field(default_factory=dict)

    @property
    def opened(self) -> Index:
        """The opened index."""
        return Index.open(self.index)

    @property
    def required_model(self) -> ModelConfig:
        """The model of a criterion that needs one."""
        assert self.model is not None
        return self.model


# The function of each criterion that has its own stage.
FUNCTIONS: Mapping[str, Callable[[Sequence[str], Prompts, Given], Numbers]] = {
    "on_topic_quip": lambda texts, prompts, given: on_topic_quip(
        given.opened, texts, [prompt.documents if prompt else None for prompt in prompts]
    ),
    "long_quotes": lambda texts, _, given: long_quotes(given.opened, texts, given.min_chars),
    "rarity": lambda texts, _, given: rarity(given.opened, texts),
    "reference_similarity": lambda texts, prompts, _: reference_similarity(texts, prompts),
    "answer_recall": lambda texts, prompts, _: [
        answer_recall(text, prompt.answers if prompt else None)
        for text, prompt in zip(texts, prompts, strict=True)
    ],
    "answerability": lambda texts, prompts, given: answerability(
        texts, prompts, given.required_model, given.work, given.places
    ),
    "repetition": lambda texts, *_: [repetition(text) for text in texts],
    "perplexity": lambda texts, prompts, given: perplexity(
        texts, prompts, given.required_model, given.work, given.places
    ),
    "bart_score": lambda texts, prompts, given: bart_score(
        texts, prompts, given.required_model, given.work, given.places
    ),
}
