"""Replace one string in the bytes of a JSON record, and leave all other bytes as they are."""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TypeAlias

from quotetune.corpus.fields import splits

_Span: TypeAlias = tuple[int, int]
_BLANKS = " \t\r\n"
_BRACKET_OR_STRING = re.compile(r'[][{}"]')
_SCALAR = re.compile(r"[^],}\s]*")


def with_string(record: bytes, key: str, text: str) -> bytes:
    r"""Return a record with another string as the value of a key.

    The string is written in ASCII if the one before it was.

    Args:
        record: One JSON object; bytes that are not UTF-8 become U+FFFD.
        key: The key; `a.b` may be the key `b` of the object `a` (see `corpus.fields.field_of`).
        text: The new string.

    Raises:
        ValueError: There is no such key, or the bytes are no JSON object.

    Example:
        >>> with_string(b'{"n": 1.50, "text": "ice", "x":[]}\n', "text", "\u2603")
        b'{"n": 1.50, "text": "\\u2603", "x":[]}\n'
    """
    content = record.decode(errors="replace")
    span = _value(content, _past_blanks(content, 0), key)
    if span is None:
        raise ValueError(f"no key {key!r}")
    start, end = span
    is_ascii = content[start:end].isascii()
    return (content[:start] + json.dumps(text, ensure_ascii=is_ascii) + content[end:]).encode()


def _value(content: str, at: int, key: str) -> _Span | None:
    """Return the span of a key's value in the object at a place; None if there is no such key."""
    if content[at : at + 1] != "{":
        return None
    members = _members(content, at)
    for name, rest in splits(key):
        if name in members:
            span = members[name]
            found = span if rest is None else _value(content, span[0], rest)
            if found is not None:
                return found
    return None


def _members(content: str, at: int) -> dict[str, _Span]:
    """Return the spans of an object's values; of several values of one key, the last."""
    members: dict[str, _Span] = {}
    at = _past_blanks(content, at + 1)
    while content[at : at + 1] != "}":
        name, at = scanstring(content, at + 1)
        at = _past_blanks(content, _past_blanks(content, at) + 1)
        end = _end_of_value(content, at)
        members[name] = at, end
        at = _past_blanks(content, end)
        if content[at : at + 1] == ",":
            at = _past_blanks(content, at + 1)
    return members


def _end_of_value(content: str, at: int) -> int:
    """Return the place after a value, however deep it is and however long its numbers are."""
    if content[at : at + 1] == '"':
        return int(scanstring(content, at + 1)[1])
    if content[at : at + 1] not in ("[", "{"):
        return _SCALAR.match(content, at).end()  # type: ignore[union-attr]
    depth = 0
    while found := _BRACKET_OR_STRING.search(content, at):
        at = found.end()
        if found[0] == '"':
            at = scanstring(content, at)[1]
            continue
        depth += 1 if found[0] in "[{" else -1
        if depth == 0:
            return at
    raise ValueError("a value that does not end")


def _past_blanks(content: str, at: int) -> int:
    while content[at : at + 1] and content[at] in _BLANKS:
        at += 1
    return at
