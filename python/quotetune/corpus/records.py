"""Read records from any file that a corpus could be in: JSONL, a JSON array, Parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quotetune import _core
from quotetune.corpus.fields import has_field
from quotetune.corpus.formats import STDIN, Format, format_of_name, is_parquet
from quotetune.corpus.parquet_files import parquet_batches, rows_of
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.jsonl import parse_json, parse_object

_PEEKED_BYTES = 1 << 20
_BATCH = 1024


def format_of(path: Path) -> Format | None:
    """Return the format of a file: its first bytes decide what is Parquet, its name the rest.

    Example:
        >>> format_of(Path("responses.jsonl.zst"))
        'jsonl'
    """
    try:
        return "parquet" if is_parquet(path) else format_of_name(path.name)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}): check the file") from error


def read_records(
    path: Path, raises: type[QuotetuneError] = QuotetuneError
) -> Iterator[tuple[str, dict[str, Any] | QuotetuneError]]:
    """Read the records of a file, in its order.

    The first bytes decide how the file is compressed, and whether it is Parquet.

    Args:
        path: The file; `-` for JSONL on standard input.
        raises: The class of the errors.

    Yields:
        The place of each record, for messages, and the record; or the error of a line that is no
        record, which the caller raises or notes.

    Raises:
        QuotetuneError: The file cannot be read or is damaged; of the class `raises`.
    """
    try:
        if path != STDIN and not path.exists():
            raise UsageError(f"{path}: no such file: check the path")
        if path.is_dir():
            raise UsageError(f"{path}: is a folder: name one file")
        if is_parquet(path):
            yield from rows_of(path, "Parquet", parquet_batches(path, _BATCH))
        else:
            yield from _json_records(path, raises)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}): check the file") from error
    except QuotetuneError as error:
        if isinstance(error, raises | UsageError):
            raise
        raise raises(str(error)) from error


def objects(
    path: Path, raises: type[QuotetuneError] = QuotetuneError
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the records of a file as `read_records` does, and raise the error of the first bad one.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp(), "a.jsonl")
        >>> _ = path.write_text('{"text": "Ice floats."}')
        >>> [record for _, record in objects(path)]
        [{'text': 'Ice floats.'}]
    """
    for where, record in read_records(path, raises):
        if isinstance(record, QuotetuneError):
            raise record
        yield where, record


def _json_records(
    path: Path, raises: type[QuotetuneError]
) -> Iterator[tuple[str, dict[str, Any] | QuotetuneError]]:
    records = _core.open_records(None if path == STDIN else path)
    for number, line in records:
        where = records.place(number)
        try:
            yield where, parse_object(line, where, raises)
        except raises as error:
            yield where, error


def read_whole_text(path: Path, remedy: str = "check the path") -> str:
    """Read a file as one text.

    Args:
        path: The file; `-` for standard input.
        remedy: What to do if there is no such file.

    Raises:
        UsageError: There is no such file.
        QuotetuneError: It cannot be read, or is not UTF-8.
    """
    if path != STDIN and not path.is_file() and not path.is_fifo():
        raise UsageError(f"{path}: no such file: {remedy}")
    content = _core.open_text(None if path == STDIN else path).read()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        name = "<stdin>" if path == STDIN else path
        raise QuotetuneError(f"{name}: not UTF-8: convert it to UTF-8") from error


def lacks_text_key(path: Path, text_key: str) -> bool:
    """Return whether the first record of a JSON file lacks the text, so that it is no corpus."""
    try:
        _, line = next(iter(_core.open_records(path)), (0, b"{}"))
    except QuotetuneError:
        return False  # reading it is the way to a good message
    try:
        record = parse_json(line)
    except ValueError:
        record = _whole_object(path)
        if record is None:
            return False
    return not (isinstance(record, dict) and has_field(record, text_key))


def _whole_object(path: Path) -> Any:
    """Read a file as one JSON value over several lines; None if it is large, or something else."""
    content = _core.open_text(path).read(_PEEKED_BYTES)
    try:
        return parse_json(content)
    except ValueError:
        return None
