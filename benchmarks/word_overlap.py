"""The rule of word overlap that others use: 13 words in a row in common, or a short item whole.

Brown et al. 2020 (appendix C) and lm-eval compare texts so: in lower case and without punctuation.
"""

import string
from collections.abc import Iterator, Sequence

from quotetune.datawork.evaluation_items import Item

WORDS = 13
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class WordOverlap:
    """The n-grams of words of items.

    Example:
        >>> WordOverlap([Item("quiz", "1", ("Is ice cold?",))]).items("So: is ICE cold or not?")
        {0}
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._grams: dict[tuple[str, ...], set[int]] = {}
        for number, item in enumerate(items):
            texts = [_words(text) for text in item.texts]
            long = [words for words in texts if len(words) >= WORDS]
            for words in long:
                for gram in _grams(words, WORDS):
                    self._grams.setdefault(gram, set()).add(number)
            if not long:
                longest = max(texts, key=lambda words: len(words))
                self._grams.setdefault(tuple(longest), set()).add(number)
        self._lengths = sorted({len(gram) for gram in self._grams})

    def items(self, document: str) -> set[int]:
        """Return the numbers of the items that a document contains."""
        words = _words(document)
        found: set[int] = set()
        for length in self._lengths:
            for gram in _grams(words, length):
                found |= self._grams.get(gram, set())
        return found


def _words(text: str) -> list[str]:
    return text.lower().translate(_NO_PUNCTUATION).split()


def _grams(words: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    for start in range(len(words) - length + 1):
        yield tuple(words[start : start + length])
