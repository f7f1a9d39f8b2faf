"""What was measured on all responses of a row, for distributions."""

from dataclasses import dataclass

from quotetune.report.run_files import ResultRow


@dataclass(frozen=True)
class RowMeasures:
    """The measures of a row's responses.

    Attributes:
        label: The row's name for a reader.
        quips: QUIP of all responses that the row's metrics average; None if too short.
        quote_lengths: The lengths of the quotes of each of them; empty if they are not known.
    """

    label: str
    quips: list[float | None]
    quote_lengths: list[list[int]]


def read_measures(row: ResultRow) -> RowMeasures:
    """Read the measures of a row that has responses."""
    import pyarrow.parquet as pq

    # `pq.read_table` would import pandas, which takes longer than the whole report.
    columns = pq.ParquetFile(row.responses).read(columns=["quip", "quote_lengths"])
    return RowMeasures(
        label=row.label,
        quips=columns["quip"].to_pylist(),
        quote_lengths=[lengths or [] for lengths in columns["quote_lengths"].to_pylist()],
    )
