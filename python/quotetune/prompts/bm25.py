"""BM25 over texts in memory, as Lucene computes it."""

from collections.abc import Sequence
from typing import Any

from quotetune.errors import UsageError


class Bm25:
    """Texts, ranked by BM25 for a query.

    The score of a text d for a query q is the sum over the words t of q of
    ln(1 + (N - n_t + 0.5) / (n_t + 0.5)) * f_td / (f_td + k1 * (1 - b + b * |d| / mean |d|)), with
    k1 = 1.5 and b = 0.75 (Robertson et al. 1994; Kamphuis et al. 2020, table 1, "Lucene").

    Example:
        >>> ranked = Bm25(["Ice floats.", "Water falls.", "Snow falls as ice."])
        >>> ranked.best(["Why does ice float?", "falling water"], 1)
        [[0], [1]]
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """Index texts.

        Raises:
            UsageError: The package bm25s is not installed.
        """
        try:
            import bm25s
        except ImportError as error:
            raise UsageError("BM25 needs bm25s: install quotetune[train]") from error
        self._size = len(texts)
        self._engine = bm25s.BM25(method="lucene", backend="numpy")
        self._engine.index(_words(texts), show_progress=False)

    def best(self, queries: Sequence[str], count: int) -> list[list[int]]:
        """Return the places of the best texts for each query, best first.

        Args:
            queries: The queries.
            count: Texts per query; all texts if there are fewer.
        """
        places, _ = self._engine.retrieve(
            _words(queries),
            k=min(count, self._size),
            backend_selection="numpy",
            show_progress=False,
        )
        return [[int(place) for place in row] for row in places]

    def scores(self, queries: Sequence[str]) -> list[Sequence[float]]:
        """Return the score of every text for each query."""
        return [
            self._engine.get_scores(list(words)) if words else [0.0] * self._size
            for words in _words(queries, return_ids=False)
        ]


def _words(texts: Sequence[str], **options: Any) -> Any:
    import bm25s

    return bm25s.tokenize(list(texts), show_progress=False, **options)
