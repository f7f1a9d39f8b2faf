"""Copy a Parquet file with rows left out or texts changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from quotetune.corpus.batches import Batch
from quotetune.corpus.fields import splits
from quotetune.corpus.parquet_files import open_parquet


class ParquetCopy:
    """A copy of a Parquet file: of the same schema, metadata, row groups and compression.

    The rows of one row group are in memory, as they were when the file was written.
    """

    def __init__(self, original: Path, path: Path, key: str) -> None:
        """Open the copy.

        Args:
            original: The file.
            path: The copy.
            key: The column of the text; `a.b` may be the field `b` of the structs of `a`.
        """
        from pyarrow import parquet

        source = open_parquet(original)
        self._key = key
        self._group = 0
        self._rows: list[Any] = []
        self._schema = source.schema_arrow
        self._writer = parquet.ParquetWriter(
            str(path), self._schema, compression=_compression(source.metadata)
        )

    def write(self, batch: Batch, texts: Mapping[int, str | None]) -> None:
        """Write the rows of a batch.

        Args:
            batch: The batch, of the same or a later row group as the one before.
            texts: For rows that change, by their position, the new text; None to leave it out.
        """
        import pyarrow as pa

        assert batch.rows is not None
        if batch.rows.group != self._group:
            self._write_group()
            self._group = batch.rows.group
        rows = batch.rows.table
        changed = {row: text for row, text in texts.items() if text is not None}
        if changed:
            rows = _with_texts(rows, self._key, changed)
        if len(changed) < len(texts):
            kept = [texts.get(row, "") is not None for row in range(len(batch))]
            rows = rows.filter(pa.array(kept, pa.bool_()))
        self._rows.append(rows)

    def close(self, *, is_complete: bool) -> None:
        """Write the rest, if the copy is complete, and close the file."""
        if is_complete:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        import pyarrow as pa

        rows, self._rows = self._rows, []
        count = sum(len(batch) for batch in rows)
        if count:
            table = pa.Table.from_batches(rows, self._schema)
            self._writer.write_table(table, row_group_size=count)


def _compression(metadata: Any) -> str | dict[str, str]:
    """Return the compression of each column; all row groups have that of the first."""
    if metadata.num_row_groups == 0:
        return "snappy"
    group = metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    names = {"UNCOMPRESSED": "NONE"}
    return {
        column.path_in_schema: names.get(column.compression, column.compression)
        for column in columns
    }


def _with_texts(batch: Any, key: str, texts: Mapping[int, str]) -> Any:
    """Return a record batch with other texts in some rows."""
    rest = dict(texts)
    for name, *path in _paths(batch.schema, key):
        number = batch.schema.names.index(name)
        column = batch.column(number)
        # A row in which one of the structs is null has its text elsewhere.
        found = {row: text for row, text in rest.items() if _leads_on(column[row], path)}
        if found:
            changed = _replaced(column, path, found)
            batch = batch.set_column(number, batch.schema.field(number), changed)
            rest = {row: text for row, text in rest.items() if row not in found}
    return batch


def _paths(fields: Iterable[Any], key: str) -> Iterator[list[str]]:
    """Yield the names of columns and fields that lead to a key, in the order of the rule."""
    import pyarrow as pa

    kinds = {field.name: field.type for field in fields}
    for name, rest in splits(key):
        if rest is None and name in kinds:
            yield [name]
        elif name in kinds and pa.types.is_struct(kinds[name]):
            yield from ([name, *path] for path in _paths(_fields(kinds[name]), rest or ""))


def _leads_on(value: Any, path: Sequence[str]) -> bool:
    """Return whether a value has a field, though that may be null."""
    for name in path:
        if not value.is_valid:
            return False
        value = value[name]
    return True


def _fields(kind: Any) -> list[Any]:
    return [kind.field(number) for number in range(kind.num_fields)]


def _replaced(column: Any, path: Sequence[str], texts: Mapping[int, str]) -> Any:
    import pyarrow as pa

    kind = column.type
    if path:
        place = [field.name for field in _fields(kind)].index(path[0])
        parts = column.flatten()
        parts[place] = _replaced(parts[place], path[1:], texts)
        return pa.StructArray.from_arrays(parts, fields=_fields(kind), mask=column.is_null())
    if pa.types.is_dictionary(kind):
        return _replaced(column.cast(kind.value_type), (), texts).dictionary_encode().cast(kind)
    # Of bytes, because a string that is not changed need not be UTF-8.
    as_bytes = pa.large_binary() if _is_large(kind) else pa.binary()
    values = column.cast(as_bytes).to_pylist()
    for row, text in texts.items():
        values[row] = text.encode()
    return pa.array(values, as_bytes).cast(kind, safe=False)


def _is_large(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_large_string(kind) or pa.types.is_large_binary(kind))
