"""`metrics.json`: the metrics of all evaluations of a run, and intervals of their differences.

docs/metrics.md describes its schema.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.config import Config
from quotetune.measures.bootstrap import bootstrap_settings, difference_intervals
from quotetune.metrics.row_names import BESIDE, BEST_OF_N, REFERENCE
from quotetune.runs.citations_json import collect_citations
from quotetune.runs.directory import METRICS, on_dev
from quotetune.runs.layout import BASE, Layout
from quotetune.runs.stopping import best_evaluated, criterion, evaluated, stop_reason
from quotetune.runtime.whole_files import read_json

SCHEMA = 3


@dataclass(frozen=True)
class _Row:
    """The place of a row of the table: a directory of metrics, and a name in it."""

    directory: Path
    part: str = "responses"

    def metrics(self) -> dict[str, float | None] | None:
        content = read_json(self.directory / METRICS)
        key = "metrics" if self.part == "responses" else self.part
        # Runs of earlier versions lack the newer rows.
        metrics: dict[str, float | None] | None = content.get(key)
        return metrics

    def quote_lengths(self) -> dict[str, list[int]] | None:
        lengths: dict[str, list[int]] | None
        lengths = read_json(self.directory / METRICS)["quote_lengths"][self.part]
        return lengths

    def responses(self) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        rows: list[dict[str, Any]]
        rows = pq.read_table(self.directory / f"{self.part}.parquet").to_pylist()
        return rows


def collect_metrics(config: Config) -> dict[str, Any]:
    """Collect the metrics of all evaluations of a run.

    Args:
        config: The run's config.

    Returns:
        The content of `metrics.json`.
    """
    layout = Layout(config)
    base = layout.metrics_directory(BASE)
    policies = [name for name in evaluated(layout) if name != BASE]
    best = best_evaluated(layout)
    # After a choice on development prompts, held-out prompts say what was chosen, and no more.
    names = [BASE, best] if layout.has_dev else evaluated(layout)
    rows = {name: _Row(layout.metrics_directory(name)) for name in names}
    apart = {name: _Row(base, name) for name in BESIDE}
    baselines = config.evaluation.baselines
    others = {name: _Row(layout.metrics_directory(name)) for name in baselines}
    rows |= {name: row for name, row in (apart | others).items() if row.metrics() is not None}
    metrics = {name: row.metrics() for name, row in rows.items()}
    intervals, common = difference_intervals({n: row.responses() for n, row in rows.items()})
    return {
        "schema": SCHEMA,
        "prompts": read_json(layout.metrics(BASE))["prompts"],
        "before": metrics[BASE],
        "after": metrics[best],
        "policies": policies,
        "last": policies[-1],
        "best": {
            "policy": best,
            "criterion": config.best.criterion,
            "value": criterion(layout, best),
            "prompts": "dev" if layout.has_dev else "heldout",
        },
        "stopped": stop_reason(layout, config.rounds),
        BEST_OF_N: metrics.get(BEST_OF_N),
        REFERENCE: metrics.get(REFERENCE),
        "rows": metrics,
        "quote_lengths": {name: row.quote_lengths() for name, row in rows.items()},
        "intervals": intervals,
        "bootstrap": bootstrap_settings(common),
        "dev": collect_dev(layout) if layout.has_dev else None,
        "reward_accuracy": _reward_accuracy(layout, names),
        "lm_eval": _lm_eval(layout, best),
        **collect_citations(layout, names),
    }


def collect_dev(layout: Layout) -> dict[str, Any]:
    """Collect the metrics of all policies on the development prompts.

    Returns:
        The value of `dev` in `metrics.json`.
    """
    names = evaluated(layout)
    rows = {name: _Row(layout.metrics_directory(on_dev(name))) for name in names}
    intervals, common = difference_intervals({n: row.responses() for n, row in rows.items()})
    return {
        "prompts": read_json(layout.metrics(on_dev(BASE)))["prompts"],
        "rows": {name: row.metrics() for name, row in rows.items()},
        "quote_lengths": {name: row.quote_lengths() for name, row in rows.items()},
        "intervals": intervals,
        "bootstrap": bootstrap_settings(common),
    }


def _reward_accuracy(layout: Layout, policies: Iterable[str]) -> dict[str, Any]:
    if not layout.config.evaluation.reward_accuracy:
        return {}
    return {
        policy: read_json(layout.reward_accuracy(policy))
        for policy in policies
        if layout.number(policy) > 0
    }


def _lm_eval(layout: Layout, best: str) -> dict[str, Any] | None:
    if layout.config.evaluation.lm_eval is None:
        return None
    return {
        name: read_json(layout.lm_eval(policy))
        for name, policy in (("before", BASE), ("after", best))
    }
