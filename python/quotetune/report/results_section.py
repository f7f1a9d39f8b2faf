"""Numbers of the report: headline cards, the table of all rows, other tables, curves, times."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from quotetune.metrics.metric import Metric
from quotetune.metrics.row_names import best_line, row_label
from quotetune.metrics.table import METRICS, metrics_of
from quotetune.report.cells import cell, lm_eval_cells
from quotetune.report.charts import Point, line_chart
from quotetune.report.run_files import ResultRow, RunFiles, StageTime
from quotetune.runs.citations_json import CITATIONS_NOTE, citation_cells
from quotetune.runs.layout import ABSORBED
from quotetune.runtime.plural import counted

_HEADLINES = [metric for metric in METRICS if metric.shown == "headline"]
_CURVES = [metric for metric in METRICS if metric.shown in ("headline", "curve")]
_ACCURACY = {"pairs": "{:,}", "accuracy": "{:.1%}", "margin": "{:.3g}"}
_Section = list[dict[str, Any]]


def steps_to(rows: Sequence[ResultRow], tuned: ResultRow) -> list[ResultRow]:
    """Return the policies of the headline: the base model, the absorbed one and the tuned one."""
    return [rows[0], *(row for row in rows if row.key == ABSORBED and row is not tuned), tuned]


def cards(steps: Sequence[ResultRow], direction: str) -> _Section:
    """Put the main metrics of the headline's policies side by side.

    A change from the first to the last is called better or worse only if its interval excludes 0.
    If the run's direction is `unquote`, it is better to quote less.
    """
    base, *_, tuned = steps
    return [
        {
            "label": metric.label,
            "steps": [metric.show(row.metrics.get(metric.key)) for row in steps],
            "change": f"{change} {metric.unit_of_difference}".strip(),
            "interval": interval,
            "tone": _tone(metric, tuned, direction),
            "unclear": _holds_zero(metric, tuned),
        }
        for metric in _HEADLINES
        if base.metrics.get(metric.key) is not None and tuned.metrics.get(metric.key) is not None
        for change, interval in (_change(metric, base, tuned),)
    ]


def _change(metric: Metric, base: ResultRow, row: ResultRow) -> tuple[str, str]:
    """Write the difference of a row from the base model, and its interval if there is one."""
    before, after = base.metrics.get(metric.key), row.metrics.get(metric.key)
    if before is None or after is None or row is base:
        return "", ""
    change = metric.show_difference(after - before, before)
    if metric.key not in row.intervals:
        return change, ""
    low, high = (metric.show_difference(end, before) for end in row.intervals[metric.key])
    return change, f"{low} to {high}"


def _holds_zero(metric: Metric, row: ResultRow) -> bool:
    low, high = row.intervals.get(metric.key, (1.0, 1.0))
    return low <= 0 <= high


def _tone(metric: Metric, row: ResultRow, direction: str) -> str:
    wanted = metric.better_in(direction)
    if metric.key not in row.intervals or not wanted or _holds_zero(metric, row):
        return ""
    low, _ = row.intervals[metric.key]
    return "better" if (low > 0) == (wanted == "higher") else "worse"


def result_table(rows: Sequence[ResultRow], tuned: ResultRow) -> tuple[_Section, _Section]:
    """Return the columns, one per row of the evaluation, and the lines, one per metric."""
    base = rows[0]
    lines = [
        {
            "key": metric.key,
            "label": metric.label,
            "meaning": metric.meaning,
            "cells": [
                (metric.show(row.metrics.get(metric.key)), *_change(metric, base, row))
                for row in rows
            ],
        }
        for metric in metrics_of(row.metrics for row in rows)
    ]
    return [{"label": row.label, "tuned": row is tuned} for row in rows], lines


def dev_tables(files: RunFiles) -> _Section:
    """Write the table of all policies on the development prompts, if there are any."""
    if not files.dev_rows:
        return []
    base = files.dev_rows[0]
    lines = [
        (metric.label, [_with_change(metric, base, row) for row in files.dev_rows])
        for metric in metrics_of(row.metrics for row in files.dev_rows)
    ]
    prompts = counted(files.metrics["dev"]["prompts"], "development prompt")
    caption = (
        f"All policies on {prompts}, on which the run made its choices. In brackets is the"
        " difference from the base model."
    )
    return [{"caption": caption, "head": [row.label for row in files.dev_rows], "lines": lines}]


def _with_change(metric: Metric, base: ResultRow, row: ResultRow) -> str:
    change, _ = _change(metric, base, row)
    return metric.show(row.metrics.get(metric.key)) + (f" ({change})" if change else "")


def other_tables(metrics: Mapping[str, Any]) -> _Section:
    """Write the tables of reward accuracy, general ability and citations."""
    tables = []
    if accuracy := metrics.get("reward_accuracy"):
        lines = [
            (row_label(name), [cell(row[key], form) for key, form in _ACCURACY.items()])
            for name, row in accuracy.items()
        ]
        caption = "Does the policy prefer the chosen response of pairs that it was not trained on?"
        tables.append({"caption": caption, "head": list(_ACCURACY), "lines": lines})
    if metrics.get("lm_eval"):
        caption = f"General ability, by lm-eval. After: {best_line(metrics)}."
        tables.append(_table(caption, lm_eval_cells(metrics)))
    if citations := metrics.get("citations"):
        tables.append(_table(CITATIONS_NOTE, citation_cells(citations)))
    return tables


def _table(caption: str, cells: Sequence[Sequence[str]]) -> dict[str, Any]:
    (_, *head), *lines = cells
    named = [(name, values) for name, *values in lines]
    return {"caption": caption, "head": head, "lines": named}


def curves(policies: Sequence[ResultRow]) -> _Section:
    """Draw each metric over the policies, starting with the base model; two draw no curve."""
    if len(policies) < 3:
        return []
    base, *others = policies
    drawn = []
    for metric in _CURVES:
        shown = [row for row in policies if row.metrics.get(metric.key) is not None]
        banded = base in shown and all(metric.key in row.intervals for row in others)
        points = [
            Point(row.label, row.metrics[metric.key], *(_ends(metric, base, row) if banded else ()))
            for row in shown
        ]
        if len(points) > 1:
            chart = line_chart(f"{metric.label} by round", points, metric.show, metric.show_tick)
            drawn.append({"label": metric.label, "chart": chart})
    return drawn


def _ends(metric: Metric, base: ResultRow, row: ResultRow) -> tuple[float, float]:
    """Return the interval of a row's difference from the base model, around the latter's value."""
    low, high = row.intervals.get(metric.key, (0.0, 0.0))
    before = base.metrics[metric.key]
    least = 0.0 if metric.form == "share" else before + low
    return max(least, before + low), before + high


def training_charts(trainings: Mapping[str, Mapping[str, Any]]) -> list[_Section]:
    """Draw the loss and the reward accuracy of each training, step by step."""
    return [drawn for name, record in trainings.items() if (drawn := _history(name, record))]


def _history(name: str, record: Mapping[str, Any]) -> _Section:
    drawn = []
    for key, label in (("loss", "loss"), ("accuracy", "reward accuracy")):
        points = [
            Point(f"{entry['step']}", entry[key])
            for entry in record.get("history", [])
            if entry.get(key) is not None
        ]
        if len(points) > 1:
            title = f"{row_label(name)}: {label}, by step"
            chart = line_chart(title, points, "{:.3g}".format, "{:g}".format)
            drawn.append({"label": title, "chart": chart})
    return drawn


def time_lines(stages: Sequence[StageTime]) -> _Section:
    """Write the time of each stage, with a bar."""
    longest = max((stage.seconds for stage in stages), default=0.0) or 1.0
    bar = Markup(
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none">'
        '<rect width="{:.2f}" height="1"/></svg>'
    )
    return [
        {
            "name": stage.name,
            "time": duration(stage.seconds),
            "bar": bar.format(100 * stage.seconds / longest),
        }
        for stage in stages
    ]


def duration(seconds: float) -> str:
    """Write a duration.

    Example:
        >>> duration(0.04), duration(75), duration(3 * 3600 + 60)
        ('0.0 s', '1 min 15 s', '3 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
