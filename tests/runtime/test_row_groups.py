"""Parquet files that are written a row group at a time."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quotetune.runtime.row_groups import write_tables


def test_a_file_whose_tables_fail_does_not_appear_and_an_older_one_stays(tmp_path: Path) -> None:
    def failing() -> Iterator[pa.Table]:
        yield table
        raise ValueError("no more")

    table = pa.table({"number": [1, 2]})
    path = tmp_path / "numbers.parquet"
    with pytest.raises(ValueError, match="no more"):
        write_tables(path, table.schema, failing())
    assert not list(tmp_path.iterdir())
    write_tables(path, table.schema, [table, table])
    with pytest.raises(ValueError, match="no more"):
        write_tables(path, table.schema, failing())
    assert list(tmp_path.iterdir()) == [path]
    assert pq.read_table(path)["number"].to_pylist() == [1, 2, 1, 2]
