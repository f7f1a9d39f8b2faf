"""The quotes to cite of a response that grows, each as soon as no later text can change it.

A quote is a maximal match, so the characters after it decide where it ends, and quotes that overlap
decide together which of them are cited. A group of overlapping quotes is settled when as many
characters follow it as the shortest quote has. Its matches have then ended. A quote that is not
found yet has fewer characters so far, so it starts after the group.

Only the tail from the first open character on is traced again.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote
from quotetune.rendering.fewest_quotes import fewest_quotes, overlapping, shortest_cited


@dataclass(frozen=True, slots=True)
class OpenTail:
    """The part of a growing response whose quotes can still change.

    Attributes:
        start: Its first character, in the response. It is before `floor`, because whether a match
            is maximal depends on the character before it.
        floor: The quotes that start before this character are settled.
    """

    start: int = 0
    floor: int = 0


def settle(
    texts: Sequence[str],
    tails: Sequence[OpenTail],
    ended: Sequence[bool],
    index: Index,
    max_documents: int,
) -> list[tuple[list[Quote], OpenTail]]:
    """Find the quotes to cite that have become settled since the last call.

    All quotes that the calls for a growing response return are together those that
    `quotes_to_cite` chooses by default for the whole response.

    Args:
        texts: Responses, each from its start to where it is now.
        tails: Their open tails, as the last call returned them; at first `OpenTail()`.
        ended: Whether a response is complete, so that everything in it is settled.
        index: The index.
        max_documents: Documents to name per quote; the first ones of the corpus.

    Returns:
        For each response the quotes, in its order, and its open tail.

    Raises:
        QuotetuneError: The index has no suffix index, or a text is not valid Unicode.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> fox = "The quick brown fox jumps over the lazy dog and sleeps."
        >>> index = build_index([fox], mkdtemp() + "/index")
        >>> text = "He saw: The quick brown fox jumps over the lazy dog, "
        >>> [(quotes, tail)] = settle([text], [OpenTail()], [False], index, 10)
        >>> quotes, tail  # the quote may go on
        ([], OpenTail(start=0, floor=1))
        >>> text += "which he had never expected, and nobody else had done so before."
        >>> [(quotes, tail)] = settle([text], [tail], [False], index, 10)
        >>> [(quote.start, quote.end) for quote in quotes]
        [(8, 51)]
    """
    least = shortest_cited(index)
    # Enough places to know where a quote must start that is too short to be found yet.
    apart = [
        list(islice(_places_apart(text, len(text), tail.start), least + 1))
        for text, tail in zip(texts, tails, strict=True)
    ]
    ends = [
        len(text) if over else places[0] if places else tail.start
        for text, tail, over, places in zip(texts, tails, ended, apart, strict=True)
    ]
    traced = index.trace(
        [text[tail.start : end] for text, tail, end in zip(texts, tails, ends, strict=True)],
        least,
        max_documents,
    )
    results = []
    for text, tail, over, places, found in zip(texts, tails, ended, apart, traced, strict=True):
        quotes = [_moved(quote, tail.start) for quote in found]
        quotes = [quote for quote in quotes if quote.start >= tail.floor]
        if over:
            settled, floor = quotes, len(text)
        else:
            settled, floor = _settled(quotes, places, least, tail.floor)
        start = next(_places_apart(text, floor, tail.start), tail.start)
        results.append((fewest_quotes(settled, index.n), OpenTail(start, floor)))
    return results


def _settled(
    quotes: Sequence[Quote], places: Sequence[int], least: int, floor: int
) -> tuple[list[Quote], int]:
    """Return the quotes of the groups that are settled, and the start of what is not.

    Args:
        quotes: The quotes of the text before the first of the places.
        places: The last places where the text can be cut, from the end on. A character that is not
            white space starts at each.
        least: Length of the shortest quote.
        floor: The first character that a quote can start with that is not settled.
    """
    if len(places) <= least:
        return [], floor
    # The characters from here on are as many as the shortest quote has, or more.
    unseen = max(places[least], floor)
    settled: list[Quote] = []
    for group in overlapping(quotes):
        if group[-1].end > unseen:
            return settled, min(unseen, group[0].start)
        settled += group
    return settled, unseen


def _places_apart(text: str, end: int, start: int) -> Iterator[int]:
    """Yield the places, from `end` back to `start`, where a text can be cut in two.

    The parts, normalised, give the normalised text: white space is not cut, and the character at
    the place does not combine with one before it.
    """
    for place in range(end - 1, start - 1, -1):
        if starts_apart(text[place]):
            yield place


def starts_apart(character: str) -> bool:
    r"""Tell whether no normalisation joins a character to those before it.

    White space joins, and so do accents and the vowels of Korean syllables. The answer may be
    False for others, which only delays quotes.

    Example:
        >>> [starts_apart(character) for character in ("a", "é", "가", "\u0301", " ", "\u1161")]
        [True, True, True, False, False, False]
    """
    if character.isascii():
        return "!" <= character <= "~"
    first = unicodedata.normalize("NFKD", character)[0]
    kinds = unicodedata.category(character)[0] + unicodedata.category(first)[0]
    # Letters that compose with the letter before them: Korean vowels and finals, Kirat Rai vowels.
    composes = "\u1160" <= first <= "\u11ff" or "\U00016d40" <= first <= "\U00016d7f"
    return set(kinds) <= set("LNPS") and not composes


def _moved(quote: Quote, chars: int) -> Quote:
    return Quote(quote.start + chars, quote.end + chars, quote.text, quote.count, quote.documents)
