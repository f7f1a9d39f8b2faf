"""Hits@k: whether a response cites the right documents (Khalifa et al. 2024, section 4).

A document is right if it contains a quote of the response (`trace`), or if it belongs to the prompt
(`gold`).
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Cited:
    """The ids that a response cites, and the right ones.

    Attributes:
        ids: The ids, in the order of the response.
        valid: The cited ids that exist in the corpus.
        trace: The cited ids whose documents contain a quote of the response; None if it quotes
            nothing.
        gold: The ids of the documents that belong to the prompt; None if it has none.
    """

    ids: list[str]
    valid: Collection[str]
    trace: Collection[str] | None
    gold: Collection[str] | None


@dataclass(frozen=True)
class CitationMetrics:
    """Metrics of citations, as fractions; None if there is nothing to average.

    Attributes:
        cited: Share of responses with an id.
        valid: Share of ids that exist in the corpus, among the first k of each response.
        hits_at_1_trace: Among responses that quote something, the share whose first id is that of
            a document with a quote of the response.
        hits_at_k_trace: The share with such an id among the first k.
        hits_at_1_gold: Among responses whose prompt has documents, the share whose first id is that
            of one of these documents.
        hits_at_k_gold: The share with such an id among the first k.
    """

    cited: float | None
    valid: float | None
    hits_at_1_trace: float | None
    hits_at_k_trace: float | None
    hits_at_1_gold: float | None
    hits_at_k_gold: float | None


def citation_metrics(responses: Sequence[Cited], k: int) -> dict[str, float | None]:
    """Compute the metrics of responses.

    Args:
        responses: The responses.
        k: Number of ids per response that count.

    Returns:
        `CitationMetrics` by name.

    Example:
        >>> metrics = citation_metrics([Cited(["a", "b"], {"b"}, {"b"}, None)], k=2)
        >>> metrics["valid"], metrics["hits_at_1_trace"], metrics["hits_at_k_trace"]
        (0.5, 0.0, 1.0)
    """
    ids = [id in one.valid for one in responses for id in one.ids[:k]]
    by_trace = [(one.ids, one.trace) for one in responses if one.trace is not None]
    by_gold = [(one.ids, one.gold) for one in responses if one.gold is not None]
    return asdict(
        CitationMetrics(
            cited=_share([bool(one.ids) for one in responses]),
            valid=_share(ids),
            hits_at_1_trace=hits_at(1, by_trace),
            hits_at_k_trace=hits_at(k, by_trace),
            hits_at_1_gold=hits_at(1, by_gold),
            hits_at_k_gold=hits_at(k, by_gold),
        )
    )


def hits_at(k: int, responses: Sequence[tuple[Sequence[str], Collection[str]]]) -> float | None:
    """Return the share of responses with a right id among their first k.

    Args:
        k: Number of ids per response that count.
        responses: For each response, its ids in order and the right ids.

    Example:
        >>> hits_at(1, [(["a", "b"], {"b"}), (["b"], {"b"})]), hits_at(2, [(["a", "b"], {"b"})])
        (0.5, 1.0)
    """
    return _share([not set(ids[:k]).isdisjoint(right) for ids, right in responses])


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
