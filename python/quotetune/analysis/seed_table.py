"""What several seeds say together: each one's numbers, their mean, and two kinds of interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.measures import student
from quotetune.measures.bootstrap import (
    LEVEL,
    RESAMPLES,
    SEED,
    groups_by_document,
    mean_intervals,
)
from quotetune.metrics.metric import Metric
from quotetune.metrics.row_names import choice_line, row_label
from quotetune.metrics.table import metric_named, metrics_of
from quotetune.prompts.prompt import load_prompts
from quotetune.rendering.markdown import markdown_table
from quotetune.runs.directory import RunDirectory
from quotetune.runs.layout import BASE
from quotetune.runtime.plural import counted
from quotetune.runtime.whole_files import read_json, write_json, write_text

SCHEMA = 1
_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class _SeedRun:
    """A finished run with one seed: its directory, and the content of its `metrics.json`."""

    seed: int
    directory: RunDirectory
    metrics: Mapping[str, Any]

    @property
    def policy(self) -> str:
        policy: str = self.metrics["best"]["policy"]
        return policy

    def responses(self, policy: str) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        rows: list[dict[str, Any]] = pq.read_table(self.directory.row(policy)).to_pylist()
        return rows


def compare_seeds(runs: Mapping[int, Path]) -> dict[str, Any]:
    """Set the results of runs with several seeds side by side.

    Args:
        runs: The directories of the finished runs, by their seeds. They have the same held-out
            prompts and the same evaluation of the base model.

    Returns:
        The content of `replicate.json` (docs/analysis.md).
    """
    found = [
        _SeedRun(seed, RunDirectory(path), read_json(RunDirectory(path).metrics_file))
        for seed, path in runs.items()
    ]
    first = found[0]
    prompts = load_prompts(first.directory.heldout)
    groups = groups_by_document(prompts)
    bootstrapped, count = mean_intervals(
        [run.responses(run.policy) for run in found], first.responses(BASE), groups
    )
    base = first.metrics["before"]
    rows = [run.metrics["after"] for run in found]
    return {
        "schema": SCHEMA,
        "prompts": len(prompts),
        "base": base,
        "seeds": [
            {
                "seed": run.seed,
                "run": run.directory.run.name,
                "policy": run.policy,
                "stopped": run.metrics["stopped"],
                "metrics": run.metrics["after"],
            }
            for run in found
        ],
        # A run that stopped after its first round made no choice.
        "choice": next(filter(None, (choice_line(run.metrics) for run in found)), None),
        "metrics": {
            metric.key: _metric_over_seeds(metric, base, rows, bootstrapped)
            for metric in metrics_of([base, *rows])
        },
        "t": {"level": student.LEVEL, "degrees": len(found) - 1},
        "bootstrap": {
            "level": LEVEL,
            "resamples": RESAMPLES,
            "seed": SEED,
            "units": "prompts" if groups is None else "documents",
            "drawn": count,
        },
    }


def _metric_over_seeds(
    metric: Metric,
    base: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    bootstrapped: Mapping[str, list[float] | None],
) -> dict[str, Any]:
    """Return the mean of a metric over the seeds, and the intervals of its difference from base."""
    values = [row.get(metric.key) for row in rows]
    numbers = [value for value in values if value is not None]
    before = base.get(metric.key)
    together: dict[str, Any] = {"base": before, "values": values, "mean": None, "difference": None}
    together |= {"t_interval": None, "bootstrap": None}
    if len(numbers) < len(values):  # a mean of some seeds is not comparable
        return together
    together["mean"] = sum(numbers) / len(numbers)
    if before is not None:
        together["difference"] = together["mean"] - before
        together["t_interval"] = student.t_interval([value - before for value in numbers])
        together["bootstrap"] = bootstrapped.get(metric.key)
    return together


def write_seeds(content: Mapping[str, Any], directory: Path) -> str:
    """Write `replicate.json` and `replicate.md`.

    Args:
        content: The result of `compare_seeds`.
        directory: The directory of the runs.

    Returns:
        The text of `replicate.md`.
    """
    text = "\n".join([f"# {directory.name}", "", *_lines(content)]) + "\n"
    write_json(directory / "replicate.json", content)
    write_text(directory / "replicate.md", text)
    return text


def _lines(content: Mapping[str, Any]) -> list[str]:
    seeds, bootstrap = content["seeds"], content["bootstrap"]
    units = bootstrap["units"]
    table = [
        [
            "",
            "base",
            *(f"seed {one['seed']}" for one in seeds),
            *("mean", "mean - base", "95%, over seeds", f"95%, over {units}"),
        ],
        ["policy", "base", *(row_label(one["policy"]) for one in seeds), *[_DASH] * 4],
    ]
    table += [_cells(metric_named(key), row) for key, row in content["metrics"].items()]
    degrees = content["t"]["degrees"]
    t = student.t_quantile((1 + content["t"]["level"]) / 2, degrees)
    units_text = f"{bootstrap['drawn']:,} {units}"
    if units == "documents":
        units_text = f"{counted(bootstrap['drawn'], 'group')} of prompts that share no document"
    stopped = [f"Seed {one['seed']}: {one['stopped']}." for one in seeds if one["stopped"]]
    return [
        f"{counted(len(seeds), 'seed')}, {counted(content['prompts'], 'held-out prompt')}. The"
        " split and the seeds of the evaluation are the same for all of them.",
        *([] if content["choice"] is None else ["", f"In each run: {content['choice']}"]),
        *(part for line in stopped for part in ("", line)),
        "",
        *markdown_table(table),
        "",
        f"Over seeds: mean ± t s / √n with n = {len(seeds)}, s the standard deviation of the seeds"
        f" (divisor n - 1), and t = {t:.4g}, the quantile of Student's t with {degrees}"
        f" {'degree' if degrees == 1 else 'degrees'} of freedom (Student 1908). It says what other"
        " training seeds would give on these prompts.",
        "",
        f"Over {units}: percentile interval of a paired bootstrap that draws {units_text}, the same"
        f" for the base model and all seeds, {bootstrap['resamples']:,} resamples. It says what"
        " other prompts would give with these seeds.",
    ]


def _cells(metric: Metric, together: Mapping[str, Any]) -> list[str]:
    base, difference = together["base"], together["difference"]
    shown = _DASH
    if difference is not None:
        shown = f"{metric.show_difference(difference, base)} {metric.unit_of_difference}".strip()
    intervals = []
    for key in ("t_interval", "bootstrap"):
        ends = together[key]
        intervals.append(
            _DASH
            if ends is None
            else " to ".join(metric.show_difference(end, base) for end in ends)
        )
    values = [metric.show(value) for value in (base, *together["values"], together["mean"])]
    return [metric.label, *values, shown, *intervals]
