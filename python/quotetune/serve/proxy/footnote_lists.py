"""The list of footnotes that an answer ends with, and how it is known when it comes back.

Its first line is a tag, which Markdown does not show. The tag has the length of the list and a hash
of it. So text that only looks like a list is not taken for one, and every server knows the lists of
all others. White space does not count, because clients change it.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

from quotetune.rendering.footnotes import CitedResponse

_TAG = re.compile(
    r"^\[//\]: # \(footnotes by quotetune, ([1-9]\d{0,8}) characters, ([0-9a-f]{16})\)\r?$",
    re.MULTILINE,
)
_NOTE = re.compile(r"^\[\^(q*)([1-9]\d{0,8})\]: ", re.MULTILINE)
_WORD = re.compile(r"\S+")
_GAPS = ("\r\n\r\n", "\n\n")


def with_footnotes(cited: CitedResponse) -> str:
    """Return a response with its marks and its list; the response itself if it has no footnotes."""
    return cited.cited + _list(cited.footnotes())


def closing_list(cited: CitedResponse) -> str:
    """Return the list after a response that was sent without marks; it may be empty.

    Markdown shows no footnote without a mark, so this is a numbered list.
    """
    notes = zip(cited.citations, cited.footnotes(), strict=True)
    return _list([f"{note.number}. {line.partition(' ')[2]}" for note, line in notes])


def without_footnotes(content: str) -> str:
    """Take off all lists, and the marks of their footnotes.

    Example:
        >>> from quotetune import Quote
        >>> from quotetune.rendering.footnotes import cited_response
        >>> cited = cited_response("Rust is a language.", [Quote(0, 9, "Rust is a", 1, [])])
        >>> print(with_footnotes(cited))
        Rust is a[^1] language.
        <BLANKLINE>
        [//]: # (footnotes by quotetune, 47 characters, ab95a90835483cc9)
        [^1]: "Rust is a" (once in the corpus): no document named
        >>> without_footnotes(with_footnotes(cited) + " And more.")
        'Rust is a language. And more.'
    """
    tags = list(_TAG.finditer(content))
    starts = [tag.start() for tag in tags]
    kept = []
    end = 0
    for tag, following in zip(tags, [*starts[1:], len(content)], strict=False):
        # No list contains a tag, so all tags together look at each character once.
        end_of_list = _end_of(int(tag[1]), content, tag.end(), following)
        notes = content[tag.end() : end_of_list]
        if _hash(notes) == tag[2]:
            kept.append(_without_marks(_before_gap(content[end : tag.start()]), notes))
            end = end_of_list
    kept.append(content[end:])
    return "".join(kept)


def _list(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    notes = "\n".join(lines)
    chars = len("".join(notes.split()))
    return f"\n\n[//]: # (footnotes by quotetune, {chars} characters, {_hash(notes)})\n{notes}"


def _hash(notes: str) -> str:
    return blake2b(
        "".join(notes.split()).encode("utf-8", "surrogatepass"), digest_size=8
    ).hexdigest()


def _end_of(chars: int, content: str, start: int, end: int) -> int:
    """Return where a number of characters ends that are not white space."""
    for word in _WORD.finditer(content, start, end):
        if chars <= len(word[0]):
            return word.start() + chars
        chars -= len(word[0])
    return end


def _before_gap(text: str) -> str:
    """Return a text without the empty line at its end."""
    for gap in _GAPS:
        if text.endswith(gap):
            return text.removesuffix(gap)
    return text


def _without_marks(text: str, notes: str) -> str:
    """Take off the marks of notes. Before they came, the text had none with their prefix."""
    found = _NOTE.findall(notes)
    if not found:
        return text
    prefix, numbers = found[0][0], {number for _, number in found}
    mark = re.compile(rf"\[\^{prefix}([1-9]\d{{0,8}})\]")
    return mark.sub(lambda match: "" if match[1] in numbers else match[0], text)
