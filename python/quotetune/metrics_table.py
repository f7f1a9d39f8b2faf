"""Metrics as tables and sentences, for the terminal and for `summary.md`."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from quotetune.run_metrics import Metrics

# Heading and format of each metric; what is not listed is in metrics.json only.
COLUMNS = {
    "quip": ("QUIP", "{:.1%}"),
    "quip_micro": ("QUIP micro", "{:.1%}"),
    "on_topic_quip": ("on-topic QUIP", "{:.1%}"),
    "coverage": ("coverage", "{:.1%}"),
    "longest_quote": ("longest quote", "{:.1f}"),
    "rouge_l": ("ROUGE-L", "{:.1%}"),
    "perplexity": ("perplexity", "{:.1f}"),
    "bart_score": ("BARTScore", "{:.2f}"),
    "mauve": ("MAUVE", "{:.3f}"),
    "length_tokens": ("tokens", "{:.1f}"),
    "length_chars": ("characters", "{:.1f}"),
    "repetition": ("repetition", "{:.1%}"),
    "cut": ("cut", "{:.1%}"),
}
FURTHER_COLUMNS = {
    "quip_ignore_prompt": ("QUIP without the prompt's words", "{:.1%}"),
    "false_positive_floor": ("false-positive floor", "{:.3%}"),
    "documents_quoted": ("documents quoted", "{:.0f}"),
    "distinct_1": ("distinct-1", "{:.3f}"),
    "distinct_2": ("distinct-2", "{:.3f}"),
}
# What a reader wants to be sure of, and how a difference of it reads.
_HEADLINES = {
    "quip": ("QUIP", 100, "{:+.1f} points"),
    "on_topic_quip": ("on-topic QUIP", 100, "{:+.1f} points"),
    "rouge_l": ("ROUGE-L", 100, "{:+.1f} points"),
    "perplexity": ("perplexity", 1, "{:+.1f}"),
    "length_chars": ("characters", 1, "{:+.1f}"),
}


def print_table(rows: Mapping[str, Metrics]) -> None:
    """Print metrics on standard output: a rich table on a terminal, tab-separated lines off it."""
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


def table_cells(
    rows: Mapping[str, Metrics], columns: Mapping[str, tuple[str, str]] = COLUMNS
) -> list[list[str]]:
    """Format metrics.

    Args:
        rows: Metrics by the name of their row.
        columns: Heading and format of each metric.

    Returns:
        The heading and a line a row; QUIP also relative to the first row. A metric that no row has
        is left out.

    Example:
        >>> table_cells({"before": {"quip": 0.1, "cut": 0.0}, "after": {"quip": 0.25, "cut": 0.5}})
        [['', 'QUIP', 'cut'], ['before', '10.0%', '0.0%'], ['after', '25.0% (+150%)', '50.0%']]
    """
    first = next(iter(rows.values()))
    shown = {
        key: column
        for key, column in columns.items()
        if any(metrics.get(key) is not None for metrics in rows.values())
    }
    lines = [["", *(heading for heading, _ in shown.values())]]
    for name, metrics in rows.items():
        line = [name]
        for key, (_, form) in shown.items():
            value = metrics.get(key)
            text = "-" if value is None else form.format(value)
            base = first.get(key)
            if key == "quip" and metrics is not first and base and value is not None:
                text += f" ({value / base - 1:+.0%})"
            line.append(text)
        lines.append(line)
    return lines


def difference_line(
    metrics: Metrics, base: Metrics, intervals: Mapping[str, Sequence[float] | None]
) -> str:
    """Say how a row differs from the first in the metrics that matter most.

    Args:
        metrics: The row's metrics.
        base: The first row's.
        intervals: The intervals of the differences.

    Example:
        >>> difference_line({"quip": 0.25}, {"quip": 0.1}, {"quip": [0.1, 0.21]})
        'QUIP +15.0 points (+10.0 to +21.0)'
    """
    parts = []
    for key, (heading, scale, form) in _HEADLINES.items():
        ours, theirs, interval = metrics.get(key), base.get(key), intervals.get(key)
        if ours is None or theirs is None or interval is None:
            continue
        number = form.partition(" ")[0]
        low, high = (number.format(scale * bound) for bound in interval)
        parts.append(f"{heading} {form.format(scale * (ours - theirs))} ({low} to {high})")
    return ", ".join(parts)


def bootstrap_line(bootstrap: Mapping[str, Any]) -> str:
    """Say what the intervals are."""
    return (
        f"{bootstrap['level']:.0%} intervals of a paired bootstrap over the held-out prompts,"
        f" {bootstrap['resamples']:,} resamples"
    )
