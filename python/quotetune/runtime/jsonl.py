"""The objects of JSONL, and errors that name their place."""

import json
from typing import Any

from quotetune.errors import QuotetuneError

# Python converts no more digits than this unless it is told to.
_MOST_DIGITS = 4300


def parse_json(text: str | bytes) -> Any:
    """Read JSON in which an integer may have any number of digits.

    An integer that Python would refuse is read as the text of its digits.

    Raises:
        ValueError: It is not JSON, or nested too deeply.

    Example:
        >>> parse_json('{"id": 7}'), len(parse_json("9" * 5000))
        ({'id': 7}, 5000)
    """
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def parse_object(line: bytes, where: str, raises: type[QuotetuneError]) -> dict[str, Any]:
    """Read the object of a line.

    NaN and infinities, which `json.dumps` writes, are read as Python reads them.

    Args:
        line: The line as bytes.
        where: Its place, for messages (`name:line`).
        raises: The error to raise.

    Returns:
        The object.

    Raises:
        QuotetuneError: The line is no JSON object in UTF-8; of the class `raises`.
    """
    try:
        row = parse_json(line.decode())
    except UnicodeDecodeError as error:
        raise raises(f"{where}: not UTF-8: convert the file to UTF-8") from error
    except json.JSONDecodeError as error:
        raise raises(
            f"{where}: not JSON ({error.msg}, column {error.colno}): write one object per line"
        ) from error
    except ValueError as error:
        raise raises(f"{where}: {error}: fix the line") from error
    if not isinstance(row, dict):
        kind = "null" if row is None else f"of type {type(row).__name__}"
        raise raises(f"{where}: {kind}, not an object: write one object per line")
    return row


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written in UTF-8; a lone surrogate, which JSON allows, cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
