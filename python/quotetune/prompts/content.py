"""The text of a chat message's content, which may be a list of parts."""

from typing import Any

from quotetune.errors import UsageError


def content_text(content: Any, place: str) -> str:
    """Return the text of a message's content.

    Args:
        content: A text, or a list of parts as in `{"type": "text", "text": "..."}`, which are
            joined.
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
    texts = []
    for part in content:
        fields = part if isinstance(part, dict) else {}
        kind = fields.get("type", "text")
        text = fields.get("text") if kind == "text" else None
        if not isinstance(text, str):
            what = f"type {kind}" if kind != "text" else f"the form {part!r}"
            raise UsageError(f"{place} has content of {what}, which is not text: write a text")
        texts.append(text)
    return "".join(texts)
