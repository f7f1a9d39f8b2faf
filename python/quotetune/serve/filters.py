"""Which quotes of a text are shown: the filters of OLMoTrace (Liu et al. 2025), for any index.

OLMoTrace works on tokens. Here a word is a run of letters, digits and marks.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

import regex

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote

# Quotes sort by what this returns; the place of a quote decides between equal ones.
Rank: TypeAlias = Callable[[Quote], tuple[float, ...]]

_WORD = regex.compile(r"[\w\p{M}]+")


def words(text: str) -> list[str]:
    """Return the words of a text.

    Example:
        >>> words("Ada's 1st cafe\u0301.")
        ['Ada', 's', '1st', 'cafe\u0301']
    """
    return _WORD.findall(text)  # type: ignore[no-any-return]


def whole_words(start: int, end: int, text: str) -> tuple[int, int]:
    """Cut off the words that a span has only a part of, and white space at its ends.

    Args:
        start: The span's first character.
        end: The character after its last one.
        text: The text of the span.

    Returns:
        The span that is left; an empty one if nothing is.

    Example:
        >>> text = "See, the quick brown foxes."
        >>> whole_words(6, 24, text), text[9:20]
        ((9, 20), 'quick brown')
    """
    if _within_word(text, end):
        while end > start and _WORD.match(text[end - 1]):
            end -= 1
    if _within_word(text, start):
        while start < end and _WORD.match(text[start]):
            start += 1
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def in_whole_words(
    index: Index,
    texts: Sequence[str],
    traced: Sequence[Sequence[Quote]],
    min_chars: int,
    max_documents: int,
) -> list[list[Quote]]:
    """Cut quotes to whole words.

    What is left of a quote may occur more often than the quote, and in an earlier document. So it
    is traced again. One that is inside another, or equal to it, is left out.

    Args:
        index: The index of the quotes.
        texts: The texts.
        traced: The quotes of each text.
        min_chars: Length of the shortest quote.
        max_documents: Documents to name per quote.

    Returns:
        The quotes of each text, in order.
    """
    spans = [
        _outermost(whole_words(quote.start, quote.end, text) for quote in quotes)
        for text, quotes in zip(texts, traced, strict=True)
    ]
    parts = {text[slice(*span)] for text, own in zip(texts, spans, strict=True) for span in own}
    listed = sorted(parts)
    found = dict(zip(listed, index.trace(listed, min_chars, max_documents), strict=True))
    return [
        [
            replace(quote, start=start, end=end)
            for start, end in own
            # A part that is too short is no quote, and one that is long enough is a single one.
            for quote in found[text[start:end]][:1]
        ]
        for text, own in zip(texts, spans, strict=True)
    ]


def rarity(index: Index, quotes: Iterable[Quote]) -> Rank:
    """Return a function by which quotes sort from the rarest to the most common one.

    A quote is rare if its words are. Its number is the sum of ln(occurrences of the word / n-grams
    of the corpus), the logarithm of a unigram probability, as in OLMoTrace. A lean index cannot
    count words. There the quotes with the fewest occurrences come first, and then the longest.

    Args:
        index: The index of the quotes.
        quotes: All quotes that the function is for.

    Returns:
        The function.
    """
    if "suffix" not in index.structures:
        return lambda quote: (quote.count, -len(quote.text), quote.start)
    vocabulary = sorted({word for quote in quotes for word in words(quote.text)})
    counts = index.count(vocabulary).tolist()
    # The end of a letter with marks can be a word that, alone, normalises to nothing.
    logs = [math.log(max(count, 1) / max(index.ngrams, 1)) for count in counts]
    numbers = dict(zip(vocabulary, logs, strict=True))
    return lambda quote: (sum(numbers[word] for word in words(quote.text)), quote.start)


def one_per_place(quotes: Sequence[Quote], rank: Rank) -> list[Quote]:
    """Keep the rarest one of quotes that overlap, from the rarest one of all on.

    Args:
        quotes: The quotes of a text.
        rank: What they sort by.

    Returns:
        Quotes that do not overlap, in order.

    Example:
        >>> quotes = [Quote(0, 5, "", 3, []), Quote(4, 9, "", 1, []), Quote(9, 12, "", 2, [])]
        >>> [quote.start for quote in one_per_place(quotes, lambda quote: (quote.count, 0))]
        [4, 9]
    """
    kept: list[Quote] = []
    taken: set[int] = set()
    for quote in sorted(quotes, key=rank):
        if taken.isdisjoint(range(quote.start, quote.end)):
            taken.update(range(quote.start, quote.end))
            kept.append(quote)
    return sorted(kept, key=lambda quote: quote.start)


def most_rare(quotes: Sequence[Quote], rank: Rank, most: int) -> list[Quote]:
    """Keep the rarest quotes, in the order of the text.

    Args:
        quotes: The quotes of a text.
        rank: What they sort by.
        most: How many to keep.
    """
    return sorted(sorted(quotes, key=rank)[:most], key=lambda quote: quote.start)


def _within_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and bool(_WORD.fullmatch(text[place - 1 : place + 1]))


def _outermost(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out spans that are empty or inside others."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(set(spans), key=lambda span: (span[0], -span[1])):
        if start < end and not (kept and end <= kept[-1][1]):
            kept.append((start, end))
    return kept
