"""Read and write the texts of commands: the records of a file, a text file, or --text."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from quotetune.corpus.fields import field_of, finite, has_field, json_kind
from quotetune.corpus.formats import STDIN
from quotetune.corpus.records import format_of, read_records, read_whole_text
from quotetune.errors import QuotetuneError, UsageError
from quotetune.models.reasoning import Marks
from quotetune.runtime import whole_files
from quotetune.runtime.jsonl import is_unicode
from quotetune.runtime.streams import typed_text

Record = dict[str, Any]

_BATCH = 256


@dataclass(frozen=True)
class Entry:
    """A record of the input.

    Attributes:
        record: Its fields; none where it is no JSON object.
        text: Its text; empty where it has none.
        problem: Why it has no text; None if it has one.
        start: Where the answer starts, if the text has thoughts before it; the text's length if the
            thoughts do not end.
    """

    record: Record
    text: str
    problem: str | None = None
    start: int = 0

    @property
    def answer(self) -> str:
        """The text without thoughts before the answer."""
        return self.text[self.start :]


def read_batches(
    input: Path,
    key: str,
    text: str | None,
    *,
    skip: bool = False,
    reasoning: tuple[str, str] | None = None,
) -> Iterator[list[Entry]]:
    """Read records in batches.

    Args:
        input: A file of records, a text file, or `-` for JSONL on standard input; not read if
            `text` is given.
        key: Field of the text.
        text: One text instead of a file.
        skip: Whether a record without a text is an entry with a problem, and not an error.
        reasoning: The marks around thoughts; None takes whole texts as answers.

    Yields:
        The entries, one per record.
    """
    marks = named_marks(reasoning)
    if text is not None:
        if input != STDIN:
            raise UsageError(f"{input} and --text exclude each other: give one")
        text = typed_text(text)
        yield [_from_answer(Entry({key: text}, text), marks)]
        return
    batch: list[Entry] = []
    for entry in _entries(input, key):
        if entry.problem is not None and not skip:
            raise QuotetuneError(entry.problem)
        batch.append(_from_answer(entry, marks))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def named_marks(reasoning: tuple[str, str] | None) -> Marks | None:
    """Return the marks that the option --reasoning names."""
    try:
        return None if reasoning is None else Marks(*reasoning)
    except ValueError as error:
        raise UsageError(f"--reasoning: {error}: give two different texts") from error


def _from_answer(entry: Entry, marks: Marks | None) -> Entry:
    if marks is None:
        return entry
    start = marks.answer_start(entry.text)
    return replace(entry, start=len(entry.text) if start is None else start)


def _entries(input: Path, key: str) -> Iterator[Entry]:
    if format_of(input) == "text" and input.is_file():
        text = read_whole_text(input)
        yield Entry({key: text}, text)
        return
    first = True
    try:
        for where, record in read_records(input):
            if isinstance(record, QuotetuneError):
                yield Entry({}, "", _may_be_text(input, record) if first else str(record))
            else:
                yield Entry(record, *_text(record, key, where))
            first = False
    except UsageError:
        raise
    except QuotetuneError as error:
        if first:
            raise QuotetuneError(_may_be_text(input, error)) from error
        raise


def _may_be_text(input: Path, error: QuotetuneError) -> str:
    """Return the message of a bad first record, with what to do if the input is plain text."""
    if format_of(input) is not None or isinstance(error.__cause__, UnicodeDecodeError):
        return str(error)
    return f"{error}, or give plain text in a file named .txt, or with --text"


def _text(record: Record, key: str, where: str) -> tuple[str, str | None]:
    text = field_of(record, key)
    if isinstance(text, bytes):  # of Parquet; what is valid UTF-8 has become a str
        return "", f"{where}: {key!r} is invalid UTF-8: fix the row"
    if not isinstance(text, str):
        if not has_field(record, key):
            return "", f"{where}: no key {key!r}: name the field of the text with --key"
        problem = f"{key!r} is {json_kind(text)}, not a string"
        return "", f"{where}: {problem}: write a text, or name another field with --key"
    if not is_unicode(text):
        return "", f"{where}: {key!r} contains a lone surrogate: fix the line"
    return text, None


def skips(errors: str) -> bool:
    """Return whether the option --errors says that records without a text are passed over."""
    if errors not in ("strict", "skip"):
        raise UsageError(f"--errors is {errors!r}: choose strict or skip")
    return errors == "skip"


def written(output: Path | None) -> AbstractContextManager[TextIO]:
    """Open standard output, or a file that appears when it is complete."""
    return nullcontext(sys.stdout) if output is None else whole_files.written(output)


def write_record(file: TextIO, record: Record) -> None:
    """Write a record as a line; values that JSON does not have are written as text."""
    try:
        line = json.dumps(record, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        record = finite(record)
        line = json.dumps(record, ensure_ascii=False, default=str)
    # A lone surrogate in another field goes out as the escape that it came in as.
    file.write((line if is_unicode(line) else json.dumps(record, default=str)) + "\n")
