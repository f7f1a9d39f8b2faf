"""JSON from outside: a request's body, an answer of the upstream, or a chunk of one."""

import json
from typing import Any

from quotetune.serve.refusal import Refusal
from quotetune.serve.service import json_bytes

Json = dict[str, Any]


def read_object(text: bytes) -> Json | None:
    """Read a JSON object, or return None if the text is anything else.

    Example:
        >>> read_object(b'{"a": 1}'), read_object(b"[1]"), read_object(b"[" * 10**6)
        ({'a': 1}, None, None)
    """
    try:
        value = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def objects(value: object) -> list[Json]:
    """Return the objects of a list, and nothing of what is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def written(answer: Json) -> bytes:
    """Write an answer of the upstream to which something was added.

    Raises:
        Refusal: It is nested so deeply that it can be read and not be written.
    """
    try:
        return json_bytes(answer)
    except RecursionError as error:
        raise Refusal(502, "the answer of the upstream is nested too deeply") from error
