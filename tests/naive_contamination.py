"""Which items a document contaminates, computed in the slow and obvious way."""

import re
from collections.abc import Sequence

from naive_fold import fold_with_origins
from naive_index import Span, squash_with_origins


def normalised(text: str, normalization: str) -> tuple[str, list[Span]]:
    if normalization == "squash":
        return squash_with_origins(text)
    return squash_with_origins(*fold_with_origins(text, normalization == "fold-case"))


def pieces(texts: Sequence[str], ignored: Sequence[str], normalization: str) -> list[str]:
    """Cut the texts of an item at ignored texts: at each place, the longest that is there."""
    boilerplate = {normalised(text, normalization)[0] for text in ignored} - {""}
    found = []
    for text in dict.fromkeys(normalised(text, normalization)[0] for text in texts):
        piece, at = "", 0
        while at < len(text):
            here = max((b for b in boilerplate if text.startswith(b, at)), key=len, default="")
            if here:
                found.append(piece)
                piece, at = "", at + len(here)
            else:
                piece, at = piece + text[at], at + 1
        found.append(piece)
    return list(dict.fromkeys(found))


def overlap(
    texts: Sequence[str], document: str, n: int, ignored: Sequence[str], normalization: str
) -> tuple[float, int, set[int]]:
    """Return an item's covered share, its longest match, and the document's matched characters."""
    text, origins = normalised(document, normalization)
    long = [piece for piece in pieces(texts, ignored, normalization) if len(piece) >= n]
    covered, longest, matched = 0, 0, set()
    for piece in long:
        marks = set()
        for start in range(len(piece)):
            for end in range(start + n, len(piece) + 1):
                part = piece[start:end]
                places = [m.start() for m in re.finditer(f"(?={re.escape(part)})", text)]
                if not places:
                    break
                marks |= set(range(start, end))
                longest = max(longest, len(part))
                for place in places:
                    for first, last in origins[place : place + len(part)]:
                        matched |= set(range(first, last))
        covered += len(marks)
    return covered / max(sum(map(len, long)), 1), longest, matched


def contains_words(document: str, text: str, normalization: str) -> bool:
    """Return whether a document contains a text as whole words."""
    normal, _ = normalised(document, normalization)
    left = r"(?<![^\W_])" if text[0].isalnum() else ""
    right = r"(?![^\W_])" if text[-1].isalnum() else ""
    return re.search(left + re.escape(text) + right, normal) is not None
