"""Read documents from Parquet files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quotetune.corpus.rows import USUAL_ID, USUAL_SOURCE, Keys, Row, record_row
from quotetune.errors import QuotetuneError


def parquet_rows(path: Path, keys: Keys) -> Iterator[Row | None]:
    """Read the rows of a Parquet file in batches; rows count from 1, as lines do."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        columns = _columns(file.schema_arrow.names, keys, path)
        row = 0
        for batch in file.iter_batches(batch_size=1024, columns=columns):
            for record in _records(batch, keys.text, path):
                row += 1
                yield record_row(record, keys, path.stem, row, f"{path}:{row}")
    except (pa.ArrowException, OSError) as error:  # a damaged page raises an OSError
        problem = " ".join(str(error).split())
        raise QuotetuneError(
            f"{path}: not a readable Parquet file ({problem}): get it again"
        ) from error


def _columns(names: list[str], keys: Keys, path: Path) -> list[str]:
    for key, option in (
        (keys.text, "--text-key"),
        (keys.id, "--id-key"),
        (keys.source_key, "--source-key"),
    ):
        if key is not None and key not in names:
            raise QuotetuneError(
                f"{path}: no column {key!r}: name one of {', '.join(names)} with {option}"
            )
    wanted = {keys.text, keys.id or USUAL_ID, keys.source_key or USUAL_SOURCE, *keys.metadata}
    return [name for name in names if name in wanted]


def _records(batch: Any, text_key: str, path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a batch, with the text as bytes, because it may not be UTF-8."""
    import pyarrow as pa

    columns = {name: batch.column(name) for name in batch.schema.names}
    text = columns[text_key]
    if pa.types.is_dictionary(text.type):
        text = text.dictionary_decode()
    if pa.types.is_string(text.type):
        text = text.cast(pa.binary())
    elif pa.types.is_large_string(text.type):
        text = text.cast(pa.large_binary())
    else:
        raise QuotetuneError(
            f"{path}: the column {text_key!r} contains {text.type}, not strings: name another one "
            "with --text-key"
        )
    columns[text_key] = text
    try:
        values = [column.to_pylist() for column in columns.values()]
    except UnicodeDecodeError as error:
        raise QuotetuneError(f"{path}: invalid UTF-8 outside the text: fix the file") from error
    except (ValueError, OverflowError) as error:
        raise QuotetuneError(f"{path}: {error}: leave that column out of the metadata") from error
    for row in zip(*values, strict=True):
        yield dict(zip(columns, row, strict=True))
