"""Parquet files that are written a row group at a time."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quotetune.runtime.whole_files import RESUME, written_file

# Rows of a row group, which is in memory as a table of Arrow.
_GROUP_ROWS = 50_000
# Rows that are objects of Python at a time.
ROWS_TOGETHER = 1000


def write_tables(path: Path, schema: Any, tables: Iterable[Any]) -> None:
    """Write tables as one file, which appears by rename; a row group is in memory at a time.

    Args:
        path: The file.
        schema: The `pyarrow.Schema` of all tables.
        tables: The tables in their order, however long each is.

    Raises:
        QuotetuneError: The file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with written_file(path, remedy=RESUME) as target, pq.ParquetWriter(target, schema) as file:
        waiting = schema.empty_table()
        for table in tables:
            waiting = pa.concat_tables([waiting, table])
            while len(waiting) >= _GROUP_ROWS:
                # In one piece, a table has the same bytes in the file, however it was made.
                file.write_table(waiting[:_GROUP_ROWS].combine_chunks())
                waiting = waiting[_GROUP_ROWS:]
        if len(waiting):
            file.write_table(waiting.combine_chunks())
