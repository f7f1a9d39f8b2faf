"""What commands read and write: JSONL records with a text, one text of the option or of a file."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TextIO

from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime import whole_files
from quotetune.runtime.jsonl import is_unicode, read_objects
from quotetune.runtime.streams import standard_output, typed_text

Record = dict[str, Any]

_BATCH = 256


def read_batches(
    input: Path, key: str, text: str | None
) -> Iterator[tuple[list[Record], list[str]]]:
    """Read records in batches, each with its text.

    Args:
        input: A JSONL file, or `-` for standard input; not read if `text` is given.
        key: Field of the text.
        text: One text instead of a file.

    Yields:
        Records, and their texts.
    """
    if text is not None:
        if input != Path("-"):
            raise UsageError(f"{input} and --text exclude each other; give one")
        text = typed_text(text)
        yield [{key: text}], [text]
        return
    records: list[Record] = []
    texts: list[str] = []
    for record, found in _read(input, key):
        records.append(record)
        texts.append(found)
        if len(records) == _BATCH:
            yield records, texts
            records, texts = [], []
    if records:
        yield records, texts


def read_text(input: Path) -> str:
    """Read one text, without the newline at its end.

    Args:
        input: A file, or `-` for standard input.

    Returns:
        The text.

    Raises:
        UsageError: There is no such file.
        QuotetuneError: It cannot be read, or is not UTF-8.
    """
    name = "<stdin>" if input == Path("-") else str(input)
    if name != "<stdin>" and not input.is_file():
        raise UsageError(f"{name}: no such file; give a text file, JSONL, - or --text")
    try:
        content = sys.stdin.buffer.read() if name == "<stdin>" else input.read_bytes()
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise QuotetuneError(f"{name}: not UTF-8; convert it to UTF-8") from error
    except OSError as error:
        raise QuotetuneError(f"cannot read {name}: {error.strerror}; check the file") from error


def _read(input: Path, key: str) -> Iterator[tuple[Record, str]]:
    name = "<stdin>" if input == Path("-") else str(input)
    if name != "<stdin>" and not input.is_file():
        raise UsageError(f"{name}: no such file; give a JSONL file, - or --text")
    try:
        with sys.stdin.buffer if name == "<stdin>" else input.open("rb") as lines:
            for where, record in read_objects(lines, name, QuotetuneError):
                yield record, _text(record, key, where)
    except OSError as error:
        raise QuotetuneError(f"cannot read {name}: {error.strerror}; check the file") from error


def _text(record: Record, key: str, where: str) -> str:
    text = record.get(key)
    if not isinstance(text, str):
        raise QuotetuneError(
            f"{where}: no text under {key!r}; name the field of the text with --key"
        )
    if not is_unicode(text):
        raise QuotetuneError(f"{where}: {key!r} holds a lone surrogate; mend the line")
    return text


def written(output: Path | None) -> AbstractContextManager[TextIO]:
    """Open standard output, or a file that appears under its name when it is complete."""
    return standard_output() if output is None else whole_files.written(output)


def write_record(file: TextIO, record: Record) -> None:
    """Write a record as a line."""
    line = json.dumps(record, ensure_ascii=False)
    # A lone surrogate in another field goes out as the escape that it came in as.
    file.write((line if is_unicode(line) else json.dumps(record)) + "\n")
