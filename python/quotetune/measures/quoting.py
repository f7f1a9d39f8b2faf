"""The quotes of responses: their documents, their lengths, and those that are not in the prompt."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from quotetune.errors import QuotetuneError
from quotetune.measures.criteria import on_topic_quip

if TYPE_CHECKING:
    from quotetune.corpus.index import Index
    from quotetune.prompts.prompt import Prompt

Documents = Sequence[tuple[str, str]]
_PRIVATE_USE = 0xE000
_PRIVATE_USE_SIZE = 6400
_BINS = 9


def quoting_rows(
    prompts: Sequence["Prompt"], texts: Sequence[str], index: "Index"
) -> list[dict[str, Any]]:
    """Measure the quotes of each response.

    Args:
        prompts: The prompt of each response.
        texts: The responses.
        index: The index of the corpus.

    Returns:
        For each response `on_topic_quip`, `quote_precision`, `quip_ignore_prompt`,
        `false_positive_floor`, `documents_quoted`, `quote_lengths` and `quoted_documents`, as
        docs/metrics.md defines them.
        Numbers that need a suffix index are None without one.
    """
    exact = index.has_suffix_index
    topics = on_topic_scores(prompts, texts, index) if exact else [None] * len(texts)
    quotes = index.trace(list(texts), max_documents=1) if exact else [None] * len(texts)
    rows = []
    for topic, precision, novel, floor, found in zip(
        topics,
        quote_precision(prompts, texts, index),
        ignore_prompt_quip(prompts, texts, index),
        false_positive_floor(texts, index),
        quotes,
        strict=True,
    ):
        documents = None
        if found is not None:
            named = {(quote.documents[0].source, quote.documents[0].id) for quote in found}
            documents = [{"source": source, "id": id} for source, id in sorted(named)]
        rows.append(
            {
                "on_topic_quip": topic,
                "quote_precision": precision,
                "quip_ignore_prompt": novel,
                "false_positive_floor": floor,
                "documents_quoted": None if documents is None else len(documents),
                "quote_lengths": None if found is None else [len(q.text) for q in found],
                "quoted_documents": documents,
            }
        )
    return rows


def on_topic_scores(
    prompts: Sequence["Prompt"], texts: Sequence[str], index: "Index"
) -> list[float | None]:
    """Score like `on_topic_quip`, but give a text that is too short 0, as in the mean of QUIP.

    Args:
        prompts: The prompt of each text, with the documents that belong to it.
        texts: The texts.
        index: The index of the corpus, with a suffix index.

    Returns:
        A fraction per text. Prompts whose documents the index does not contain have no score,
        because a run may be evaluated on another corpus.
    """
    known: dict[str, Documents | None] = {}
    for prompt in prompts:
        if prompt.id not in known:
            held = prompt.documents and _contains(index, prompt.documents)
            known[prompt.id] = prompt.documents if held else None
    documents = [known[prompt.id] for prompt in prompts]
    return [
        0.0 if own and score is None else score
        for own, score in zip(documents, on_topic_quip(index, texts, documents), strict=True)
    ]


def _contains(index: "Index", documents: Documents) -> bool:
    try:
        return all(index.has_document(source, id) for source, id in documents)
    except QuotetuneError:  # a filter has no documents
        return False


def quote_precision(
    prompts: Sequence["Prompt"], texts: Sequence[str], index: "Index"
) -> list[float | None]:
    """Return the share of each response's n-grams that occur in the passages of its prompt.

    It is QUIP against the passages alone, which are compared exactly, each by itself. The corpus
    need not contain them: the index only says how texts are normalised, and how long an n-gram is.

    Args:
        prompts: The prompt of each response, with the passages that the model saw.
        texts: The responses.
        index: The index of the corpus.

    Returns:
        A fraction per response, 0 for one that is too short; None if its prompt has no passages.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> from quotetune.prompts.prompt import Prompt
        >>> index = build_index(["Some other text, in a corpus."], mkdtemp() + "/index", n=4)
        >>> prompt = Prompt("p", text="What floats?", passages=["Ice floats."])
        >>> quote_precision([prompt], ["Ice floats!"], index)
        [0.875]
    """
    shown = _ngrams_shown(prompts, index, lambda prompt: prompt.passages or ())
    scores: list[float | None] = []
    for prompt, (text, _) in zip(prompts, index.windows(texts), strict=True):
        ngrams = _ngrams(text, index.n)
        found = [ngram in shown[prompt.id] for ngram in ngrams]
        score = sum(found) / len(found) if found else 0.0
        scores.append(score if prompt.passages else None)
    return scores


def ignore_prompt_quip(
    prompts: Sequence["Prompt"], texts: Sequence[str], index: "Index"
) -> list[float | None]:
    """Return QUIP without the n-grams of the prompt itself.

    An n-gram of the response that also occurs in a message of the prompt (both normalised) counts
    neither in the numerator nor in the denominator. To repeat the question, or the passage that
    came with it, is not to quote.

    Args:
        prompts: The prompt of each response, as the model saw it.
        texts: The responses.
        index: The index of the corpus.

    Returns:
        A score per response; None if no n-gram is left.
    """
    shown = _ngrams_shown(prompts, index, _messages)
    scores: list[float | None] = []
    for prompt, (text, hits) in zip(prompts, index.windows(texts), strict=True):
        own = [
            bool(hit)
            for ngram, hit in zip(_ngrams(text, index.n), hits, strict=True)
            if ngram not in shown[prompt.id]
        ]
        scores.append(sum(own) / len(own) if own else None)
    return scores


def _ngrams_shown(
    prompts: Sequence["Prompt"], index: "Index", texts_of: Callable[["Prompt"], Sequence[str]]
) -> dict[str, set[str]]:
    """Return for the id of each prompt the n-grams of texts that the model saw in it."""
    shown: dict[str, set[str]] = {}
    for prompt in prompts:
        if prompt.id not in shown:
            parts = index.windows(list(texts_of(prompt)))
            shown[prompt.id] = {ngram for part, _ in parts for ngram in _ngrams(part, index.n)}
    return shown


def _messages(prompt: "Prompt") -> list[str]:
    if prompt.messages is None:
        return [prompt.text or ""]
    return [message["content"] for message in prompt.messages]


def _ngrams(text: str, n: int) -> list[str]:
    return [text[i : i + n] for i in range(len(text) - n + 1)]


def false_positive_floor(texts: Sequence[str], index: "Index") -> list[float | None]:
    """Return the QUIP that the filter's false positives alone give.

    Each character of the normalised responses is shifted into Unicode's private use area, which
    texts do not use. Lengths and repeats stay the same, and every hit is false. Shuffled words
    would not work, because some of them occur in the corpus in the new order.

    Args:
        texts: The responses.
        index: The index of the corpus.

    Returns:
        A score per response; None for a response that is too short.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["The quick brown fox jumps over it."], mkdtemp() + "/index")
        >>> false_positive_floor(["The quick brown fox jumps over it.", "short"], index)
        [0.0, None]
    """
    shifted = [
        "".join(chr(_PRIVATE_USE + ord(character) % _PRIVATE_USE_SIZE) for character in text)
        for text, _ in index.windows(texts)
    ]
    return [None if np.isnan(score) else float(score) for score in index.quip(shifted)]


def quote_length_histogram(lengths: Sequence[int], n: int) -> dict[str, list[int]]:
    """Count quotes by length, in bins whose edges grow by a factor of sqrt(2) from n to 16 n.

    Args:
        lengths: Characters per quote, n or more.
        n: Characters of the shortest possible quote.

    Returns:
        `edges` and `counts`: bin i counts edges[i] <= length < edges[i + 1]; the last bin is open.

    Example:
        >>> quote_length_histogram([25, 34, 35, 5000], 25)["counts"]
        [2, 1, 0, 0, 0, 0, 0, 0, 1]
        >>> quote_length_histogram([], 25)["edges"]
        [25, 35, 50, 71, 100, 141, 200, 283, 400]
    """
    edges = [round(n * 2 ** (i / 2)) for i in range(_BINS)]
    places = np.searchsorted(edges, lengths, side="right") - 1
    return {"edges": edges, "counts": np.bincount(places, minlength=_BINS).tolist()}
