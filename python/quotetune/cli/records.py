"""Read and write the texts of commands: JSONL records, one text of a file, or --text."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime import whole_files
from quotetune.runtime.jsonl import is_unicode, read_objects

Record = dict[str, Any]

_BATCH = 256


def read_batches(
    input: Path, key: str, text: str | None
) -> Iterator[tuple[list[Record], list[str]]]:
    """Read records in batches, each with its text.

    Args:
        input: A JSONL file, or `-` for standard input; must be `-` if `text` is given.
        key: Field of the text.
        text: One text instead of a file.

    Yields:
        The records of a batch, and their texts.
    """
    if text is not None:
        if input != Path("-"):
            raise UsageError(f"{input} and --text exclude each other: give one")
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
        UsageError: The file does not exist.
        QuotetuneError: The file cannot be read, or is not UTF-8.
    """
    name = "<stdin>" if input == Path("-") else str(input)
    if name != "<stdin>" and not input.is_file():
        raise UsageError(f"{name}: no such file: give a text file, JSONL, - or --text")
    try:
        content = sys.stdin.buffer.read() if name == "<stdin>" else input.read_bytes()
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise QuotetuneError(f"{name}: not UTF-8: convert it to UTF-8") from error
    except OSError as error:
        raise QuotetuneError(
            f"{name}: cannot be read ({error.strerror}): check the file"
        ) from error


def _read(input: Path, key: str) -> Iterator[tuple[Record, str]]:
    name = "<stdin>" if input == Path("-") else str(input)
    if name != "<stdin>" and not input.is_file():
        raise UsageError(f"{name}: no such file: give a JSONL file, - or --text")
    try:
        with sys.stdin.buffer if name == "<stdin>" else input.open("rb") as lines:
            for where, record in read_objects(lines, name, QuotetuneError):
                yield record, _text(record, key, where)
    except OSError as error:
        raise QuotetuneError(
            f"{name}: cannot be read ({error.strerror}): check the file"
        ) from error


def _cannot_be_read(name: str, error: OSError) -> QuotetuneError:
    return QuotetuneError(f"{name}: cannot be read ({error.strerror}): check the file")


def _text(record: Record, key: str, where: str) -> str:
    text = record.get(key)
    if not isinstance(text, str):
        raise QuotetuneError(
            f"{where}: no text under {key!r}: name the field of the text with --key"
        )
    if not is_unicode(text):
        raise QuotetuneError(f"{where}: {key!r} contains a lone surrogate: fix the line")
    return text


def written(output: Path | None) -> AbstractContextManager[TextIO]:
    """Open standard output, or a file that appears when it is complete."""
    return nullcontext(sys.stdout) if output is None else whole_files.written(output)


def write_record(file: TextIO, record: Record) -> None:
    """Write a record as one line."""
    line = json.dumps(record, ensure_ascii=False)
    # A lone surrogate in another field is written as an escape, as it was read.
    file.write((line if is_unicode(line) else json.dumps(record)) + "\n")
