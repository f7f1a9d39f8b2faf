"""Metrics as tables and sentences, for the terminal, `summary.md` and the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from quotetune.metrics.table import METRICS, Metrics


def print_table(rows: Mapping[str, Metrics]) -> None:
    """Print metrics: a rich table on a terminal, tab-separated lines elsewhere."""
    console = Console()
    cells = table_cells(rows)
    if not console.is_terminal:
        for line in cells:
            print("\t".join(line))
        return
    table = Table(*cells[0])
    for column in table.columns[1:]:
        column.justify = "right"
    for line in cells[1:]:
        table.add_row(*line)
    console.print(table)


def table_cells(rows: Mapping[str, Metrics], *, further: bool = False) -> list[list[str]]:
    """Format metrics.

    Args:
        rows: Metrics by the name of their row.
        further: Whether to return the metrics that the main table leaves out, instead of its own.

    Returns:
        The heading, and a line per row. QUIP is also given relative to the first row. A metric that
        no row has is left out.

    Example:
        >>> table_cells({"before": {"quip": 0.1, "cut": 0.0}, "after": {"quip": 0.25, "cut": 0.5}})
        [['', 'QUIP', 'cut'], ['before', '10.0%', '0.0%'], ['after', '25.0% (+150%)', '50.0%']]
    """
    first = next(iter(rows.values()))
    columns = [
        metric
        for metric in METRICS
        if (metric.shown == "further") == further
        and any(row.get(metric.key) is not None for row in rows.values())
    ]
    lines = [["", *(metric.label for metric in columns)]]
    for name, row in rows.items():
        line = [name]
        for metric in columns:
            value, base = row.get(metric.key), first.get(metric.key)
            text = metric.show(value)
            if metric.key == "quip" and row is not first and base and value is not None:
                text += f" ({value / base - 1:+.0%})"
            line.append(text)
        lines.append(line)
    return lines


def difference_line(
    metrics: Metrics, base: Metrics, intervals: Mapping[str, Sequence[float] | None]
) -> str:
    """Write the differences between a row and the first row, in the metrics that matter most.

    Args:
        metrics: The metrics of the row.
        base: The metrics of the first row.
        intervals: The intervals of the differences. A metric without one is left out.

    Example:
        >>> difference_line({"quip": 0.25}, {"quip": 0.1}, {"quip": [0.1, 0.21]})
        'QUIP +15.0 points (+10.0 to +21.0)'
    """
    parts = []
    for metric in METRICS:
        ours, theirs = metrics.get(metric.key), base.get(metric.key)
        interval = intervals.get(metric.key)
        if metric.shown != "headline" or ours is None or theirs is None or interval is None:
            continue
        change, low, high = (
            metric.show_difference(value, theirs) for value in (ours - theirs, *interval)
        )
        name = f"{metric.label} {change} {metric.unit_of_difference}".strip()
        parts.append(f"{name} ({low} to {high})")
    return ", ".join(parts)


def bootstrap_line(bootstrap: Mapping[str, Any]) -> str:
    """Write how the intervals were computed."""
    return (
        f"{bootstrap['level']:.0%} intervals of a paired bootstrap over the held-out prompts,"
        f" {bootstrap['resamples']:,} resamples"
    )
