"""What goes upstream of a request: all of it, except what this server added to earlier answers."""

import json

from quotetune.serve.proxy.citation_entries import KEYS
from quotetune.serve.proxy.footnote_lists import without_footnotes
from quotetune.serve.proxy.json_text import Json, objects, read_object
from quotetune.serve.refusal import Refusal


def for_upstream(body: bytes) -> bytes:
    """Return the body of a request without our footnotes and citations in its history.

    Only messages of the assistant are looked at. A body without any of ours stays as it is, byte by
    byte.

    Raises:
        Refusal: The body is not a JSON object.
    """
    request = read_object(body)
    if request is None:
        raise Refusal(422, "the body is not a JSON object: send a chat completion request")
    changed = [
        _clean(message)
        for message in objects(request.get("messages"))
        if message.get("role") == "assistant"
    ]
    if not any(changed):
        return body
    try:
        return json.dumps(request).encode()
    except RecursionError as error:
        raise Refusal(422, "the body is nested too deeply") from error


def _clean(message: Json) -> bool:
    """Take our parts off a message, and tell whether it had any."""
    before = len(message)
    if _are_ours(message.get("citations")):
        del message["citations"]
    if isinstance(message.get("citations_error"), str):
        del message["citations_error"]
    changed = len(message) < before
    changed |= _clean_text(message, "content")
    for part in objects(message.get("content")):
        changed |= _clean_text(part, "text")
    return changed


def _clean_text(holder: Json, key: str) -> bool:
    given = holder.get(key)
    if not isinstance(given, str):
        return False
    cleaned = without_footnotes(given)
    holder[key] = cleaned
    return cleaned != given


def _are_ours(citations: object) -> bool:
    """Tell whether a list is one of citations as this server makes them."""
    entries = objects(citations)
    return (
        isinstance(citations, list)
        and len(entries) == len(citations)
        and all(set(entry) == set(KEYS) for entry in entries)
    )
