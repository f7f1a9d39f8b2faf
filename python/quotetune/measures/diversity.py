"""The variety of all responses together."""

from collections.abc import Iterable


def distinct_n(texts: Iterable[str], n: int) -> float | None:
    """Return distinct-n: the number of distinct word n-grams over that of words (Li et al. 2016).

    Args:
        texts: The responses. White space separates words, and no n-gram spans two texts.
        n: Words per n-gram.

    Returns:
        A number from 0 to 1; None if there is no word.

    Example:
        >>> distinct_n(["a rose is a rose", "a rose"], 1), distinct_n(["a rose is a rose"], 2)
        (0.42857142857142855, 0.6)
    """
    ngrams: set[tuple[str, ...]] = set()
    total = 0
    for text in texts:
        words = text.split()
        total += len(words)
        ngrams.update(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return len(ngrams) / total if total else None
