"""The marks of footnotes: their form, and their places in a response."""

import re
from typing import Literal

MarkStyle = Literal["markdown", "text"]
STYLES: tuple[MarkStyle, ...] = ("markdown", "text")


def is_in_word(text: str, place: int) -> bool:
    """Tell whether a place in a text is between two letters or digits."""
    return text[max(place - 1, 0) : place].isalnum() and text[place : place + 1].isalnum()


def character_ends(text: str) -> set[int]:
    """Return the ends of characters as a reader sees them: extended grapheme clusters (UAX 29)."""
    if text.isascii() and "\r" not in text:
        return set(range(len(text) + 1))
    import regex

    return {0, *(cluster.end() for cluster in regex.finditer(r"\X", text))}


def mark_place(text: str, start: int, end: int, ends: set[int]) -> int:
    """Return the place of a quote's mark: after its last whole word, if it has one."""
    place = end
    if is_in_word(text, end):
        while place > start and text[place - 1].isalnum():
            place -= 1
    while place > start and text[place - 1].isspace():
        place -= 1
    if place == start:  # no whole word
        place = end
    while place not in ends:
        place += 1
    return place


def free_prefix(text: str, style: MarkStyle) -> str:
    """Return the letters before the numbers, so that no mark is already in the response."""
    prefix = ""
    opening = "[^" if style == "markdown" else "["
    while re.search(re.escape(opening + prefix) + r"\d", text):
        prefix += "q"
    return prefix


def mark_text(number: int, style: MarkStyle, prefix: str) -> str:
    """Return the mark of a number."""
    return f"[^{prefix}{number}]" if style == "markdown" else f"[{prefix}{number}]"
