"""The figures of a run: the part of the report's content that needs no response's text."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from quotetune.corpus.index import Index
from quotetune.metrics.row_names import best_line, choice_line
from quotetune.metrics.table import metric_named
from quotetune.report.charts import Bars, bar_chart
from quotetune.report.distributions import (
    length_bins,
    quip_bins,
    quip_shares,
    quotes_per_response,
)
from quotetune.report.looks_section import look_lines
from quotetune.report.pairs_section import pair_tables
from quotetune.report.results_section import (
    cards,
    curves,
    dev_tables,
    duration,
    other_tables,
    result_table,
    steps_to,
    time_lines,
    training_charts,
)
from quotetune.report.row_measures import RowMeasures, read_measures
from quotetune.report.run_files import RunFiles
from quotetune.runs.layout import ABSORBED
from quotetune.runtime.plural import counted

HEADINGS = {
    "results": "Results",
    "curves": "Round by round",
    "distributions": "Distributions",
    "responses": "Responses",
    "pairs": "Preference pairs",
    "trainings": "Training",
    "looks": "Held-out evaluations",
    "times": "Time",
    "metrics": "Metrics",
    "configuration": "Configuration",
}
_DASH = "\N{EN DASH}"


def figures_content(files: RunFiles, index: Index | None) -> dict[str, Any]:
    """Gather the figures of a run.

    Args:
        files: The run.
        index: The index of its corpus, if it exists.

    Returns:
        The variables of the templates that the report and the service's page share.
    """
    base, tuned = files.rows[0], files.tuned
    columns, table = result_table(files.rows, tuned)
    measured = [read_measures(row) for row in (base, tuned) if row.responses is not None]
    return {
        "title": files.directory.resolve().name,
        "lead": _lead(files),
        "facts": _facts(files, index),
        "headings": HEADINGS,
        "prompt_count": len(files.prompts),
        "steps": [row.label for row in steps_to(files.rows, tuned)],
        "cards": cards(steps_to(files.rows, tuned), files.direction),
        "columns": columns,
        "table": table,
        "table_caption": _table_caption(files),
        "other_tables": [*dev_tables(files), *other_tables(files.metrics)],
        "curves": curves(files.policies),
        "curves_note": _curves_note(files),
        "distributions": _distributions(measured, shortest_quote(index)) if measured else [],
        "distribution_series": [entry.label for entry in measured],
        "pairs": pair_tables(files.pairs),
        "trainings": training_charts(files.trainings),
        "looks": look_lines(files.looks),
        "times": time_lines(files.stages),
        "total_time": duration(sum(stage.seconds for stage in files.stages)),
    }


def shortest_quote(index: Index | None) -> int | None:
    """Return the length of the shortest quote that is marked; None if no quotes are known."""
    return index.n if index is not None and index.has_suffix_index else None


def _lead(files: RunFiles) -> str:
    """Sum up the run in a sentence or two."""
    base, tuned = files.rows[0].metrics["quip"], files.tuned.metrics["quip"]
    show = metric_named("quip").show
    model, which = "the tuned model", files.tuned.label
    if files.tuned.key == ABSORBED:
        model, which = "the absorbed model", "before any round"
    said = (
        f"On {counted(len(files.prompts), 'held-out prompt')}, {show(tuned)} of what {model}"
        f" ({which}) writes occurs verbatim in the corpus (QUIP); for the base model it is"
        f" {show(base)}."
    )
    absorbed = (files.config.get("absorb") or {}).get("documents")
    if absorbed in ("all", "prompts"):
        said += " Before the first round, the model absorbed the held-out prompts' documents."
    elif absorbed is not None:
        said += " Before the first round, the model absorbed only the training prompts' documents."
    trained = files.metrics["policies"]
    if len(trained) > 1:
        criterion = metric_named(files.metrics["best"]["criterion"]).label
        said += f" {model.capitalize()} is the best of {len(trained)} policies by {criterion}."
    if (choice := choice_line(files.metrics)) is not None:
        said += f" {choice}"
    if files.metrics["stopped"]:
        said += f" The run stopped early: {files.metrics['stopped']}."
    return said


def _curves_note(files: RunFiles) -> str:
    dev = files.metrics.get("dev")
    if dev is None:
        prompts = counted(len(files.prompts), "held-out prompt")
    else:
        prompts = counted(dev["prompts"], "development prompt")
    return f"Each policy answers the same {prompts}, with the same seeds."


def _facts(files: RunFiles, index: Index | None) -> list[str]:
    model = files.config["model"]
    adapter = [f"adapter {model['adapter']}"] if model.get("adapter") else []
    facts = [str(model["path"]), *adapter, f"seed {files.seed}"]
    if index is not None:
        facts += [
            f"corpus of {counted(len(index), 'document')}",
            f"n-grams of {index.n} characters",
        ]
    return facts


def _table_caption(files: RunFiles) -> str:
    caption = (
        f"The run selected {best_line(files.metrics)}. Below each value is its difference from the"
        " base model, in percentage points for shares"
    )
    if any(row.intervals for row in files.rows):
        caption += ", with the 95% interval of a paired bootstrap over prompts"
    return f"{caption}."


def _distributions(pair: Sequence[RowMeasures], n: int | None) -> list[dict[str, Any]]:
    """Draw the distributions of QUIP and of quote lengths, before and after."""
    edges = quip_bins(max(quip or 0.0 for entry in pair for quip in entry.quips))
    drawn = [
        {
            "label": "Share of responses by QUIP",
            "chart": bar_chart(
                "Share of responses by QUIP",
                [f"{low:.0%}" for low in edges[:-1]],
                [Bars(entry.label, quip_shares(entry.quips, edges)) for entry in pair],
                "{:.0%}".format,
                "of the responses",
            ),
        }
    ]
    longest = max(max(found, default=0) for entry in pair for found in entry.quote_lengths)
    if n is not None and longest:
        lengths = length_bins(n, longest)
        bars = [
            Bars(entry.label, quotes_per_response(entry.quote_lengths, lengths)) for entry in pair
        ]
        bins = [f"{low}{_DASH}{high - 1}" for low, high in pairwise(lengths)]
        label = "Quotes per response, by length in characters"
        chart = bar_chart(label, bins, bars, "{:.2g}".format, "quotes per response")
        drawn.append({"label": label, "chart": chart})
    return drawn
