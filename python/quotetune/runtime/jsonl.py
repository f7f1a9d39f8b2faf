"""JSONL files of users: one object per line, and errors that name the line."""

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from typing import Any

from quotetune.errors import QuotetuneError


def read_objects(
    lines: Iterable[bytes], name: str, raises: type[QuotetuneError]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the object on each line; skip blank lines and a byte order mark.

    Args:
        lines: The lines as bytes.
        name: The name of their source, for messages.
        raises: The class of the error to raise.

    Yields:
        The place of the line (`name:line`), and its object.

    Raises:
        QuotetuneError: A line is not a JSON object in UTF-8. The error is of the class `raises`.
    """
    for number, line in enumerate(lines, start=1):
        where = f"{name}:{number}"
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise raises(f"{where}: not UTF-8: convert the file to UTF-8") from error
        except json.JSONDecodeError as error:
            raise raises(
                f"{where}: not JSON ({error.msg}, column {error.colno}): write one object per line"
            ) from error
        except (RecursionError, ValueError) as error:
            raise raises(
                f"{where}: nested too deeply, or a number has too many digits: correct the line"
            ) from error
        if not isinstance(row, dict):
            raise raises(f"{where}: a {type(row).__name__}, not an object: write one per line")
        yield where, row


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written in UTF-8; a lone surrogate, which JSON allows, cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
