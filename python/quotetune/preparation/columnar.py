"""Records of Parquet and Arrow files, a few at a time, because one may be a whole web page."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quotetune.corpus.parquet_files import parquet_batches, rows_of

# A record of NaturalQuestions has 10,000 tokens and half a megabyte of HTML.
_BATCH = 32
_FILE_MAGIC = b"ARROW1"


def parquet_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the rows of a Parquet file; yield the place of each and its columns.

    Raises:
        QuotetuneError: The file is damaged.
    """
    return rows_of(path, "Parquet", parquet_batches(path, _BATCH))


def arrow_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the rows of an Arrow file, as `datasets` writes them; yield places and columns.

    Raises:
        QuotetuneError: The file is damaged.
    """
    return rows_of(path, "Arrow", _arrow_batches(path))


def _arrow_batches(path: Path) -> Iterator[Any]:
    import pyarrow as pa

    with pa.memory_map(os.fsdecode(path)) as file:
        is_file = file.read(len(_FILE_MAGIC)) == _FILE_MAGIC
        file.seek(0)
        if is_file:
            reader = pa.ipc.open_file(file)
            batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            batches = iter(pa.ipc.open_stream(file))
        for batch in batches:
            for first in range(0, batch.num_rows, _BATCH):
                yield batch.slice(first, _BATCH)
