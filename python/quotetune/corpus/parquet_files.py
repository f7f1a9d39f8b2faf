"""Read Parquet files, and values of columns of any type."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from quotetune.corpus.inputs import unicode_name
from quotetune.errors import QuotetuneError, reason_of


def open_parquet(path: Path) -> Any:
    """Open a Parquet file.

    Raises:
        QuotetuneError: Two columns have the same name.
    """
    import pyarrow as pa
    from pyarrow import parquet

    # As bytes, because a name need not be UTF-8.
    file = parquet.ParquetFile(pa.OSFile(os.fsencode(path)))
    check_names(file.schema_arrow.names, str(path))
    return file


def parquet_batches(path: Path, rows: int) -> Iterator[Any]:
    """Read a Parquet file in batches of some rows at most."""
    yield from open_parquet(path).iter_batches(batch_size=rows)


def rows_of(path: Path, kind: str, batches: Iterable[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the rows of a file.

    Args:
        path: The file.
        kind: Its format for messages, such as `Parquet`.
        batches: Its record batches. If opening the file can fail, it is opened with the first.

    Yields:
        The place of each row, for messages, and its columns.

    Raises:
        QuotetuneError: The file is damaged.
    """
    import pyarrow as pa

    name, row = unicode_name(str(path)), 0
    try:
        for batch in batches:
            columns = [plain_values(column) for column in batch.columns]
            for values in zip(*columns, strict=True):
                row += 1
                yield f"{name}:{row}", dict(zip(batch.schema.names, values, strict=True))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        problem = reason_of(error)
        raise QuotetuneError(
            f"{name}: not a readable {kind} file ({problem}): get it again"
        ) from error


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse a table in which two columns have the same name."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise QuotetuneError(f"{where}: two columns {twice[0]!r}: rename one of them")


def plain_values(column: Any) -> list[Any]:
    r"""Return the values of a column.

    A string that is not valid UTF-8 stays bytes, and bytes that are become a string. A time that
    Python cannot express is the text that Arrow gives it.

    Example:
        >>> import pyarrow as pa
        >>> plain_values(pa.array([b"ice", b"\xff", None]))
        ['ice', b'\xff', None]
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string_view(kind):
        column = column.cast(pa.large_string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column = column.cast(pa.large_binary())
    try:
        return [_text(value) for value in column.to_pylist()]
    except (ValueError, OverflowError):
        return column.cast(pa.string()).to_pylist()  # type: ignore[no-any-return]


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
