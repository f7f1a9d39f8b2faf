"""What a text is after spans of it are cut out."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

# Start and end in characters of a text.
Span: TypeAlias = tuple[int, int]


def united(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, with those that overlap or touch as one; empty ones are left out.

    Example:
        >>> united([(5, 9), (0, 2), (2, 3), (4, 4), (6, 7)])
        [(0, 3), (5, 9)]
    """
    whole: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if whole and start <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((start, end))
    return whole


def cut(text: str, spans: Sequence[Span]) -> str:
    r"""Return a text without spans of it.

    What is left on the two sides of a span is joined. The white space around the span, outside it,
    becomes one separator: a blank line if there is one on either side, else a line end, else a
    space. Where there is none, two letters or digits get a space between them, so that no new word
    appears. At the start and the end of the text nothing remains of it. All other characters stay
    as they are.

    Args:
        text: The text.
        spans: The spans, which may overlap.

    Example:
        >>> cut("It rains. What floats? It is cold.", [(10, 22)])
        'It rains. It is cold.'
        >>> cut("One.\n\nWhat floats?\nTwo.", [(6, 18)]), cut("(ice)", [(1, 4)])
        ('One.\n\nTwo.', '()')
    """
    gaps = united(spans)
    if not gaps:
        return text
    starts = [0, *(end for _, end in gaps)]
    ends = [*(start for start, _ in gaps), len(text)]
    joined = text[: ends[0]]
    for start, end in zip(starts[1:], ends[1:], strict=True):
        joined = _join(joined, text[start:end])
    return joined if text[starts[-1] :].strip() else joined.rstrip()


def _join(left: str, right: str) -> str:
    kept, rest = left.rstrip(), right.lstrip()
    if not kept:
        return rest
    if not rest:  # the white space still counts for what comes next
        return left + right
    blanks = left[len(kept) :], right[: len(right) - len(rest)]
    if any(blank.count("\n") > 1 for blank in blanks):
        separator = "\n\n"
    elif any("\n" in blank for blank in blanks):
        separator = "\n"
    elif any(blanks) or (kept[-1].isalnum() and rest[0].isalnum()):
        separator = " "
    else:
        separator = ""
    return kept + separator + rest
