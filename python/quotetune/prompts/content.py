"""The text of a chat message's content, which may be a list of parts."""

from typing import Any

from quotetune.errors import UsageError

_PART_KEYS = ("type", "text")


def content_text(content: Any, place: str) -> str:
    """Return the text of a message's content.

    Args:
        content: A text, or a list of parts as in `{"type": "text", "text": "..."}`, which are
            joined. A part without a type, or with the type null, is text.
        place: The place of the message, for the error.

    Raises:
        UsageError: Something in the content is not text. The message names it.

    Example:
        >>> content_text([{"type": "text", "text": "What "}, {"text": "is ice?"}], "")
        'What is ice?'
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        what = "no content" if content is None else f"the content {content!r}"
        raise UsageError(f"{place} has {what}: write a text")
    return "".join(_part_text(part, place) for part in content)


def is_empty(value: Any) -> bool:
    """Tell whether a value says nothing: null, or an empty text, list or mapping, also nested.

    Tables fill keys that only other rows have with such values.

    Example:
        >>> is_empty({"name": None, "arguments": ""}), is_empty([{}]), is_empty(0), is_empty([0])
        (True, True, False, False)
    """
    if isinstance(value, dict):
        return all(map(is_empty, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_empty, value))
    return value is None or value == ""


def _part_text(part: Any, place: str) -> str:
    fields = {} if not isinstance(part, dict) else part
    kind = fields.get("type")
    if kind is None:
        kind = "text"
    if kind != "text":
        raise UsageError(f"{place} has content of type {kind}, which is not text: write a text")
    text = fields.get("text")
    if not isinstance(text, str):
        raise UsageError(f"{place} has content of the form {part!r}, without a text: write a text")
    others = [key for key in fields if key not in _PART_KEYS and not is_empty(fields[key])]
    if others:
        raise UsageError(
            f"{place} has content with {', '.join(others)} beside its text, which the model would"
            " not see: write a text alone, or leave the row out"
        )
    return text
