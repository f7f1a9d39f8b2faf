"""Read documents from tables: Parquet files, and tables of pandas, polars, arrow and `datasets`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.corpus.fields import has_field
from quotetune.corpus.inputs import unicode_name
from quotetune.corpus.parquet_files import check_names, open_parquet
from quotetune.corpus.rows import (
    ITERABLE,
    USUAL_ID,
    USUAL_SOURCE,
    BadRecordError,
    Keys,
    Origin,
    Row,
    record_row,
)
from quotetune.errors import QuotetuneError, UsageError, reason_of

_BATCH_ROWS = 1024


def is_table(documents: Any) -> bool:
    """Return whether an object offers its rows as an Arrow stream."""
    return hasattr(documents, "__arrow_c_stream__")


def table_rows(table: Any, keys: Keys) -> Iterator[Row | BadRecordError]:
    """Read the rows of a table; a column of strings alone is a list of texts.

    Raises:
        UsageError: The object has neither columns nor strings, or lacks a column.
    """
    import pyarrow as pa

    kind = type(table).__name__
    names = [str(name) for name in getattr(table, "columns", ())]
    is_pandas = hasattr(table, "to_dict") and bool(names)
    if is_pandas and all(_columns_of(names, [key]) for key in keys.required):
        # Other columns may have objects that Arrow does not know.
        check_names(names, f"documents (a {kind})")
        table = table[[name for name in table.columns if name in _columns(names, keys)]]
    try:
        reader = pa.RecordBatchReader.from_stream(table)
    except (pa.ArrowException, TypeError, ValueError):
        if is_pandas:
            yield from _object_rows(table, keys)
        else:
            yield from _column_rows(table, keys, kind)
        return
    check_names(reader.schema.names, f"documents (a {kind})")
    _check_columns(reader.schema, keys, f"documents (a {kind})", UsageError)
    position = 0
    for batch in reader:
        for record in _records(batch, keys, f"documents (a {kind})"):
            origin = Origin(position, f"{ITERABLE}:{position}")
            position += 1
            yield from _row_or_error(record, keys, origin)


def _object_rows(table: Any, keys: Keys) -> Iterator[Row | BadRecordError]:
    """Read the rows of a table of pandas that has values of several types in a column."""
    for position, record in enumerate(table.to_dict("records")):
        origin = Origin(position, f"{ITERABLE}:{position}")
        yield from _row_or_error(record, keys, origin)


def _column_rows(column: Any, keys: Keys, kind: str) -> Iterator[Row | BadRecordError]:
    import pyarrow as pa

    try:
        values = pa.chunked_array(column)
        texts = _as_bytes(values, f"documents (a {kind})", keys.text)
    except (pa.ArrowException, TypeError, ValueError, QuotetuneError) as error:
        raise UsageError(
            f"documents is a {kind} without columns: give a table, or an iterable of texts"
        ) from error
    for position, text in enumerate(texts.to_pylist()):
        origin = Origin(position, f"{ITERABLE}:{position}")
        yield from _row_or_error({keys.text: text}, keys, origin)


def parquet_rows(
    path: Path, keys: Keys, source: str, id_prefix: str
) -> Iterator[Row | BadRecordError]:
    """Read the rows of a Parquet file in batches; rows count from 1, as lines do.

    Args:
        path: The file.
        keys: The fields of a row.
        source: Default source.
        id_prefix: Text before the row's number in the default id.
    """
    for batch in parquet_row_batches(path, keys, source, id_prefix):
        yield from batch.rows


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of a Parquet file.

    Attributes:
        table: The record batch.
        group: The number of its row group.
        rows: Each row as a document, or the error of one that is skipped.
    """

    table: Any
    group: int
    rows: list[Row | BadRecordError]


def parquet_row_batches(
    path: Path, keys: Keys, source: str, id_prefix: str, *, all_columns: bool = False
) -> Iterator[RowBatch]:
    """Read a Parquet file as `parquet_rows` does, and keep the batches.

    Args:
        path: The file.
        keys: The fields of a row.
        source: Default source.
        id_prefix: Text before the row's number in the default id.
        all_columns: Whether to read all columns, and not only those of the fields.
    """
    import pyarrow as pa

    name = unicode_name(str(path))
    try:
        file = open_parquet(path)
        _check_columns(file.schema_arrow, keys, name, QuotetuneError)
        row = 0
        columns = None if all_columns else _columns(file.schema_arrow.names, keys)
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=columns):
                rows: list[Row | BadRecordError] = []
                for record in _records(batch, keys, name):
                    row += 1
                    origin = Origin(row, f"{name}:{row}", source, id_prefix)
                    rows += _row_or_error(record, keys, origin)
                yield RowBatch(batch, group, rows)
    except (pa.ArrowException, OSError) as error:  # a damaged page raises an OSError
        problem = reason_of(error)
        raise QuotetuneError(
            f"{name}: not a readable Parquet file ({problem}): get it again"
        ) from error


def _row_or_error(
    record: dict[str, Any], keys: Keys, origin: Origin
) -> Iterator[Row | BadRecordError]:
    try:
        yield record_row(record, keys, origin)
    except BadRecordError as error:
        if keys.errors != "skip":
            raise
        yield error


def _check_columns(schema: Any, keys: Keys, name: str, raises: type[QuotetuneError]) -> None:
    """Refuse a table without the columns that every record must have."""
    empty = _empty_record(schema)
    for key, option in (
        (keys.text, "text_key"),
        (keys.id, "id_key"),
        (keys.source_key, "source_key"),
    ):
        if key is not None and not has_field(empty, key):
            names = ", ".join(schema.names)
            shown = f"--{option.replace('_', '-')} (in Python {option})"
            raise raises(f"{name}: no column {key!r}: name one of {names} with {shown}")


def _empty_record(schema: Any) -> dict[str, Any]:
    """Return a record of the schema, with objects where the schema has structs."""
    import pyarrow as pa

    def of(kind: Any) -> Any:
        if not pa.types.is_struct(kind):
            return None
        return {kind.field(i).name: of(kind.field(i).type) for i in range(kind.num_fields)}

    return {field.name: of(field.type) for field in schema}


def _columns(names: Iterable[str], keys: Keys) -> list[str]:
    """List the columns that contain the fields."""
    wanted = {keys.text, keys.id or USUAL_ID, keys.source_key or USUAL_SOURCE, *keys.metadata}
    return _columns_of(names, wanted)


def _columns_of(names: Iterable[str], keys: Iterable[str]) -> list[str]:
    return [
        name for name in names if any(key == name or key.startswith(f"{name}.") for key in keys)
    ]


def _records(batch: Any, keys: Keys, name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a batch, with the text as bytes, because it may not be UTF-8."""
    columns = {name: batch.column(name) for name in _columns(batch.schema.names, keys)}
    text_is_column = keys.text in columns
    if text_is_column:
        columns[keys.text] = _as_bytes(columns[keys.text], name, keys.text)
    try:
        values = [column.to_pylist() for column in columns.values()]
    except UnicodeDecodeError as error:
        raise QuotetuneError(f"{name}: invalid UTF-8 outside the text: fix the file") from error
    except (ValueError, OverflowError) as error:
        raise QuotetuneError(f"{name}: {error}: leave that column out of the metadata") from error
    for row in zip(*values, strict=True):
        yield dict(zip(columns, row, strict=True))


def _as_bytes(column: Any, name: str, key: str) -> Any:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_string(kind):
        return column.cast(pa.binary())
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.large_string()).cast(pa.large_binary())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return column
    if pa.types.is_null(kind):
        return column
    raise QuotetuneError(
        f"{name}: the column {key!r} contains {kind}, not strings: name another one with "
        "--text-key (in Python text_key)"
    )
