"""Study the frequency of topics over a run: their counts, and a metric before and after."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quotetune.analysis.chart import Points, scatter_chart
from quotetune.analysis.frequency import (
    FrequencyCurve,
    frequency_curve,
    log_counts,
    rarest_tenth,
)
from quotetune.corpus.index import Index
from quotetune.errors import UsageError
from quotetune.metrics.metric import Metric
from quotetune.metrics.table import AVERAGED
from quotetune.prompts.prompt import Prompt, load_prompts
from quotetune.rendering.markdown import markdown_table
from quotetune.runs.directory import RunDirectory
from quotetune.runs.finished import tuned_policy
from quotetune.runs.layout import BASE
from quotetune.runtime.whole_files import write_json, write_text

SCHEMA = 2


@dataclass(frozen=True)
class FrequencyStudy:
    """A metric of a run's policies by the frequency of the prompts' topics.

    Attributes:
        metric: The metric.
        topics: The topic of each held-out prompt.
        counts: The occurrences of each topic in the corpus, as whole words.
        values: Mean of the metric over the responses to each prompt, by policy; `base` first.
        curves: Bins, correlations and fit, by policy.
    """

    metric: Metric
    topics: list[str]
    counts: list[int]
    values: dict[str, list[float]]
    curves: dict[str, FrequencyCurve]


def study_frequency(
    run: Path,
    *,
    topic: str,
    policy: str | None = None,
    metric: str = "quip",
    index: Path | None = None,
) -> FrequencyStudy:
    """Count the topics of a run's held-out prompts, and relate a metric to the counts.

    Args:
        run: The run's directory, with its evaluations.
        topic: The column that names a prompt's topic: `topic`, `id`, or another column of the
            prompts.
        policy: The policy to compare with `base`; None takes the best, or the last.
        metric: A metric that is a mean over responses. Prompts without a number are left out.
        index: The corpus in which topics are counted; None takes the run's own index.

    Returns:
        The study.

    Raises:
        UsageError: A prompt has no topic, the run has not been evaluated, or its responses do not
            have the metric.
        QuotetuneError: The index has no suffix index.
    """
    tuned = tuned_policy(run, policy)
    directory = RunDirectory(run)
    if not directory.heldout.is_file():
        raise UsageError(f"{run}: no held-out prompts yet: run `quotetune train`")
    prompts = load_prompts(directory.heldout)
    measured = _metric(metric)
    names = [BASE]
    if tuned.directory is not None:
        names.append(tuned.directory.resolve().parent.name)  # `best` links to a round
    means = {name: _means(directory.row(name), prompts, measured) for name in names}
    prompts = [one for one in prompts if all(own[one.id] is not None for own in means.values())]
    if not prompts:
        raise UsageError(f"{run}: no prompt has a {measured.label} for each policy: choose another")
    topics = [_topic(prompt, topic) for prompt in prompts]
    counted = Index.open(index or tuned.config.index).count(topics, whole_words=True)
    counts = [int(count) for count in counted]
    values = {
        name: [value for prompt in prompts if (value := own[prompt.id]) is not None]
        for name, own in means.items()
    }
    curves = {name: frequency_curve(counts, of_policy) for name, of_policy in values.items()}
    return FrequencyStudy(measured, topics, counts, values, curves)


def write_study(study: FrequencyStudy, directory: Path) -> str:
    """Write `frequency.json`, `frequency.md` and `frequency.svg`.

    Returns:
        The table, as in `frequency.md`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rarest = rarest_tenth(study.counts)
    content = {
        "schema": SCHEMA,
        "metric": study.metric.key,
        "prompts": [
            {
                "topic": topic,
                "count": count,
                **{f"{study.metric.key}_{name}": own[i] for name, own in study.values.items()},
            }
            for i, (topic, count) in enumerate(zip(study.topics, study.counts, strict=True))
        ],
        "rarest_tenth": {
            "prompts": len(rarest),
            "largest_count": max(study.counts[i] for i in rarest),
        },
        "policies": {name: _curve(curve) for name, curve in study.curves.items()},
    }
    write_json(directory / "frequency.json", content)
    write_text(directory / "frequency.svg", _chart(study))
    table = frequency_table(study)
    write_text(directory / "frequency.md", table)
    return table


def frequency_table(study: FrequencyStudy) -> str:
    """Write the study as Markdown: one row per bin, the rarest tenth, and the correlations."""
    names = list(study.curves)
    lines = [
        [
            "topic occurs in the corpus",
            "prompts",
            *(f"{study.metric.label}, {name}" for name in names),
        ]
    ]
    bins = zip(*(curve.bins for curve in study.curves.values()), strict=True)
    for of_policies in bins:
        first = of_policies[0]
        if first.prompts:
            # A topic that does not occur counts as 1, and ln 1 is 0.
            low = math.exp(first.low) if first.low else 0.0
            times = f"{_times(low)} to {_times(math.exp(first.high))} times"
            cells = [_mean(study.metric, found.mean, found.spread) for found in of_policies]
            lines.append([times, str(first.prompts), *cells])
    rarest = rarest_tenth(study.counts)
    largest = max(study.counts[i] for i in rarest)
    means = [study.metric.show(curve.rarest_mean) for curve in study.curves.values()]
    lines.append([f"the rarest tenth (at most {largest:,} times)", str(len(rarest)), *means])
    measures = (
        ("Pearson r, bins", "r_bins"),
        ("Pearson r, bins without the outermost", "r_inner_bins"),
        ("Pearson r, prompts", "r_prompts"),
    )
    for title, name in measures:
        values = [getattr(curve, name) for curve in study.curves.values()]
        lines.append([title, "", *map(_number, values)])
    intervals = [_interval(curve.r_interval) for curve in study.curves.values()]
    lines.append(["Pearson r, prompts, 95% interval", "", *intervals])
    fits = [
        "-" if curve.slope is None else f"{curve.intercept:.4f} + {curve.slope:.4f} ln(count)"
        for curve in study.curves.values()
    ]
    lines.append(["least squares, prompts", "", *fits])
    return "\n".join(markdown_table(lines)) + "\n"


def _topic(prompt: Prompt, name: str) -> str:
    value = {"topic": prompt.topic, "id": prompt.id}.get(name, prompt.extra.get(name))
    if not isinstance(value, str) or not value.strip():
        known = ", ".join(["topic", "id", *prompt.extra])
        raise UsageError(
            f"prompt {prompt.id}: no {name} to name its topic: give every prompt one, or choose"
            f" another column with --topic ({known})"
        )
    return value


def _metric(key: str) -> Metric:
    known = {metric.key: metric for metric in AVERAGED}
    if key not in known:
        raise UsageError(f"--metric {key}: no such mean over responses: choose {', '.join(known)}")
    return known[key]


def _means(path: Path, prompts: Sequence[Prompt], metric: Metric) -> dict[str, float | None]:
    """Return the mean over each prompt's responses, by the prompt's id; None without a number."""
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UsageError(f"{path}: no such file: evaluate the policy first, with `quotetune train`")
    values = ("numerator", "denominator") if metric.average == "pooled" else (metric.key,)
    if not set(values) <= set(pq.read_schema(path).names):
        raise UsageError(f"{path}: it has no {metric.label}: choose another with --metric")
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(path, columns=["prompt_id", *values]).to_pylist():
        rows.setdefault(row["prompt_id"], []).append(row)
    missing = [prompt.id for prompt in prompts if prompt.id not in rows]
    if missing:
        raise UsageError(f"{path}: no response to prompt {missing[0]}: run `quotetune train` again")
    means: dict[str, float | None] = {}
    for prompt in prompts:
        total, count = metric.terms(rows[prompt.id])
        means[prompt.id] = total / count if count else None
    return means


def _curve(curve: FrequencyCurve) -> dict[str, Any]:
    content: Mapping[str, Any] = asdict(curve)
    bins = [
        {**row, "center": found.center}
        for row, found in zip(content["bins"], curve.bins, strict=True)
    ]
    return {**content, "bins": bins}


def _chart(study: FrequencyStudy) -> str:
    series = []
    x = log_counts(study.counts)
    for name, curve in study.curves.items():
        filled = [
            (found.center, found.mean, found.spread)
            for found in curve.bins
            if found.mean is not None
        ]
        line = None if curve.slope is None else (curve.intercept or 0.0, curve.slope)
        points = [(float(a), b) for a, b in zip(x, study.values[name], strict=True)]
        series.append(Points(name, points, filled, line))
    return scatter_chart("ln(occurrences of the topic in the corpus)", study.metric.label, series)


def _times(count: float) -> str:
    return f"{count:,.0f}" if count >= 10 else f"{count:.1f}".removesuffix(".0")


def _mean(metric: Metric, mean: float | None, spread: float | None) -> str:
    shown = metric.show(mean)
    return shown if spread is None else f"{shown} ± {metric.show(spread)}"


def _interval(bounds: tuple[float, float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.2f} to {bounds[1]:.2f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
