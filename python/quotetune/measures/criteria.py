"""What a preference can be about: criteria that give a response a number.

QUIP, the length and those that take a model are not here: scoring, sampling and
`quotetune.measures.neural` have them.
"""

import re
from collections.abc import Sequence
from math import fsum, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quotetune.corpus.index import Index
    from quotetune.prompts.prompt import Prompt

Numbers = list[float | None]
# What an n-gram loses when an index normalises it once more.
_NOT_STABLE = re.compile(r"^\s|\s$|\n\s")


def on_topic_quip(
    index: "Index", texts: Sequence[str], documents: Sequence[Sequence[tuple[str, str]] | None]
) -> Numbers:
    """Return the share of each text's n-grams that stand in documents of its own.

    Args:
        index: The index of the corpus.
        texts: The texts.
        documents: Lists of (source, id), those that belong to the prompt of each text; None or an
            empty list if there are none.

    Returns:
        A fraction for each; None without documents, and for a text that is too short.

    Raises:
        QuotetuneError: The index does not hold one of the documents.
    """
    values: Numbers = [None] * len(texts)
    known = {i: own for i, own in enumerate(documents) if own}
    found = index.quip([texts[i] for i in known], documents=list(known.values()))
    for i, value in zip(known, found.tolist(), strict=True):
        values[i] = value if value == value else None
    return values


def long_quotes(index: "Index", texts: Sequence[str], min_chars: Sequence[int]) -> Numbers:
    """Return the share of each text's characters that are inside long quotes.

    The mean over L of coverage by maximal quotes of at least L characters. The Creativity Index (Lu
    et al. 2024) sums what is not covered over L, in words.

    Args:
        index: The index of the corpus, with a suffix structure.
        texts: The texts.
        min_chars: The lengths L.

    Returns:
        A fraction for each text; 0 for an empty one.
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


def rarity(index: "Index", texts: Sequence[str]) -> Numbers:
    """Return how rare the quoted n-grams of each text are in the corpus.

    The mean of -ln(count / total) over the n-grams of the text that stand in the corpus, duplicates
    counted: `count` is how often one stands there, exactly, and `total` how many n-grams the corpus
    has, duplicates counted. N-grams that begin or end with white space, or have a line break before
    white space, are left out, as an index that normalises cannot look them up as they are.

    Args:
        index: The index of the corpus, with a suffix structure.
        texts: The texts.

    Returns:
        Nats, 0 or more; 0 for a text that quotes nothing.
    """
    total = index.ngrams
    quoted = [_looked_up(text, hits, index.n) for text, hits in index.windows(texts, exact=True)]
    distinct = list(dict.fromkeys(ngram for ngrams in quoted for ngram in ngrams))
    counts = dict(zip(distinct, index.count(distinct).tolist(), strict=True))
    return [_mean_information([counts[ngram] for ngram in ngrams], total) for ngrams in quoted]


def _looked_up(text: str, hits: "NDArray[np.bool_]", n: int) -> list[str]:
    ngrams = (text[i : i + n] for i in hits.nonzero()[0].tolist())
    return [ngram for ngram in ngrams if not _NOT_STABLE.search(ngram)]


def _mean_information(counts: Sequence[int], total: int) -> float:
    return fsum(log(total / count) for count in counts) / len(counts) if counts else 0.0


def reference_similarity(texts: Sequence[str], prompts: Sequence["Prompt | None"]) -> Numbers:
    """Return ROUGE-L of each text against its prompt's reference; None without one."""
    from quotetune.measures.responses import rouge_l

    return [
        None if prompt is None or prompt.reference is None else rouge_l(text, prompt.reference)
        for text, prompt in zip(texts, prompts, strict=True)
    ]
