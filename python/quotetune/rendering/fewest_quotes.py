"""The fewest quotes that show what is quoted: most quotes of a response overlap others."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote

SHORTEST_CITED = 40  # shorter quotes are mostly phrases that any text has, like "is best known for"


class _Choice(NamedTuple):
    """Some of the quotes up to one of them. The first three fields say how good it is."""

    covered: int
    fewness: int
    chars: int
    quote: int | None
    before: "_Choice | None"


_NOTHING = _Choice(0, 0, 0, None, None)


def fewest_quotes(quotes: Sequence[Quote], n: int) -> list[Quote]:
    """Choose the fewest quotes of a response that cover what all its quotes cover.

    A quote that overlaps other chosen ones must add something: at least n characters of it are in
    no other chosen quote. A quote that is inside another is never chosen. Under these rules, the
    chosen quotes

    1. cover as many characters as possible,
    2. are as few as possible,
    3. are as long as possible, in the sum of their lengths.

    What they leave out are the ends of overlapping quotes: a run of quoted characters that no
    chosen quote covers has at most 2 (n - 1) characters, and mostly there is none.

    Args:
        quotes: The quotes of one response, as `Index.trace` returns them.
        n: Characters of the response that each of two overlapping quotes must add, 1 or more.

    Returns:
        The chosen quotes, in the order of the response.

    Example:
        >>> spans = [(0, 40), (10, 52), (30, 80), (60, 82)]
        >>> quotes = [Quote(start, end, "", 1, []) for start, end in spans]
        >>> [(quote.start, quote.end) for quote in fewest_quotes(quotes, 25)]
        [(0, 40), (30, 80)]
    """
    chosen: list[Quote] = []
    for group in overlapping(quotes):
        chosen += _best(group, n)
    return chosen


def quotes_to_cite(
    texts: Sequence[str], index: Index, min_chars: int | None, max_documents: int, all: bool
) -> list[list[Quote]]:
    """Trace responses, and choose the quotes of each that `cite` cites; see its arguments."""
    if min_chars is None and not all:
        min_chars = shortest_cited(index)
    traced = index.trace(texts, min_chars, max_documents)
    return traced if all else [fewest_quotes(quotes, index.n) for quotes in traced]


def shortest_cited(index: Index) -> int:
    """Return the length of the shortest quote that is cited by default, in characters."""
    return max(SHORTEST_CITED, index.n)


def overlapping(quotes: Sequence[Quote]) -> Iterator[list[Quote]]:
    """Yield groups of quotes that overlap, without those inside others.

    In a group, the starts and the ends both ascend. The quotes of a group alone decide which of
    them are among the fewest.
    """
    group: list[Quote] = []
    for quote in sorted(quotes, key=lambda quote: (quote.start, -quote.end)):
        if group and quote.end <= group[-1].end:
            continue
        if group and quote.start >= group[-1].end:
            yield group
            group = []
        group.append(quote)
    if group:
        yield group


def _best(group: Sequence[Quote], n: int) -> list[Quote]:
    """Choose from quotes whose starts and ends ascend.

    Only the chosen neighbours of a quote can overlap what it adds. So the best choices that end
    with a quote and its neighbour before it are enough to find those that end with the next quote.
    """
    ends = [quote.end for quote in group]
    # For each quote, where the part begins that it adds: at its own start if no neighbour before it
    # overlaps it, else at the end of that neighbour. With each, the best choice up to this quote in
    # which the part begins there or earlier.
    begins: list[list[int]] = []
    choices: list[list[_Choice]] = []
    # The best choice among the first quotes, if the next one overlaps none of them.
    best = [_NOTHING]
    for number, quote in enumerate(group):
        first = bisect_right(ends, quote.start)
        begins.append([quote.start])
        choices.append([_extended(best[first], number, quote, quote.start)])
        for earlier in range(first, number):
            enough = bisect_right(begins[earlier], quote.start - n)
            if enough:
                neighbour = choices[earlier][enough - 1]
                choice = _extended(neighbour, number, quote, ends[earlier])
                begins[number].append(ends[earlier])
                choices[number].append(max(choices[number][-1], choice, key=_worth))
        enough = bisect_right(begins[number], quote.end - n)
        best.append(max(best[-1], choices[number][max(enough, 1) - 1], key=_worth))
    chosen: list[Quote] = []
    last: _Choice | None = best[-1]
    while last is not None and last.quote is not None:
        chosen.append(group[last.quote])
        last = last.before
    return chosen[::-1]


def _extended(choice: _Choice, number: int, quote: Quote, start: int) -> _Choice:
    """Return a choice with one more quote, which adds its characters from `start` on."""
    covered = choice.covered + quote.end - start
    chars = choice.chars + quote.end - quote.start
    return _Choice(covered, choice.fewness - 1, chars, number, choice)


def _worth(choice: _Choice) -> tuple[int, int, int]:
    return choice[:3]
