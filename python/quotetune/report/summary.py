"""The end of a run: `metrics.json`, `summary.md`, model cards and the table on the terminal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from quotetune.config import Config
from quotetune.metrics.printing import (
    bootstrap_line,
    difference_line,
    print_table,
    table_cells,
)
from quotetune.metrics.row_names import best_line, choice_line, row_label
from quotetune.pairing.statistics import statistics_lines
from quotetune.rendering.markdown import markdown_table
from quotetune.rendering.marked import marked_response
from quotetune.report.cells import lm_eval_cells
from quotetune.report.missing_baselines import missing_line
from quotetune.runs.best_link import link_best
from quotetune.runs.citations_json import CITATIONS_NOTE, citation_cells
from quotetune.runs.curves import write_curves
from quotetune.runs.directory import LOOKS
from quotetune.runs.layout import BASE, Layout
from quotetune.runs.looks import read_looks
from quotetune.runs.metrics_json import collect_metrics
from quotetune.runtime.console import say
from quotetune.runtime.plural import counted
from quotetune.runtime.whole_files import write_json, write_text
from quotetune.training.model_card import model_card
from quotetune.training.run import RECORD_NAME

_SHOWN_PROMPTS = 5


def summarize(config: Config) -> dict[str, Any]:
    """Write the metrics and the summary of a complete run, and print its table.

    Args:
        config: The run's config.

    Returns:
        The content of `metrics.json`.
    """
    layout = Layout(config)
    write_curves(layout)
    metrics = collect_metrics(config)
    link_best(config.run, layout.trained(metrics["best"]["policy"]))
    write_json(layout.metrics_file, metrics)
    write_text(config.run / "summary.md", _markdown(layout, metrics))
    _write_cards(layout, metrics)
    if metrics["dev"] is not None:
        say(f"on {counted(metrics['dev']['prompts'], 'development prompt')}:")
        print_table(_labelled(metrics["dev"]["rows"]))
        say(f"on {counted(metrics['prompts'], 'held-out prompt')}:")
    print_table(_labelled(metrics["rows"]))
    for line in (*_outcome(metrics), choice_line(metrics)):
        if line is not None:
            say(line)
    best = metrics["best"]["policy"]
    difference = difference_line(metrics["after"], metrics["before"], metrics["intervals"][best])
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"after - before: {difference}; {bootstrap_line(metrics['bootstrap'])}")
    console.print(f"summary: {config.run / 'summary.md'}")
    return metrics


def _labelled(rows: Mapping[str, Any]) -> dict[str, Any]:
    return {row_label(name): row for name, row in rows.items()}


def _write_cards(layout: Layout, metrics: Mapping[str, Any]) -> None:
    """Put the numbers of each policy into its model card."""
    for name in metrics["policies"]:
        policy = layout.trained(name)
        record = json.loads((policy / RECORD_NAME).read_text(encoding="utf-8"))
        on_dev = name not in metrics["rows"]  # a policy that was not chosen has no other numbers
        of_all = metrics["dev"]["rows"] if on_dev else metrics["rows"]
        rows = {row: of_all[row] for row in (BASE, name)}
        notes = [f"The run that trained it selected {best_line(metrics)}.", choice_line(metrics)]
        note = " ".join(filter(None, notes))
        card = model_card(record, _labelled(rows), note, "Development" if on_dev else "Held-out")
        write_text(policy / "README.md", card)


def _outcome(metrics: Mapping[str, Any]) -> list[str]:
    """Say which policy the run selected."""
    lines = [] if metrics["stopped"] is None else [f"stopped early: {metrics['stopped']}"]
    return [*lines, f"before: {row_label(BASE)}; after: {best_line(metrics)}"]


def _markdown(layout: Layout, metrics: Mapping[str, Any]) -> str:
    config = layout.config
    rows = _labelled(metrics["rows"])
    adapter = config.model.adapter
    model = config.model.path + (f" with the adapter {adapter}" if adapter else "")
    lines = [
        f"# {config.run.name}",
        "",
        f"{model}, {counted(metrics['prompts'], 'held-out prompt')}, seed {config.seed},"
        f" {counted(config.rounds, 'round')}.",
        *(part for line in _outcome(metrics) for part in ("", f"{line[:1].upper()}{line[1:]}.")),
        "",
        *markdown_table(table_cells(rows)),
        "",
        *_choice_and_looks(layout, metrics),
        "QUIP is the share of a response's character n-grams that occur in the corpus. Coverage is"
        " the share of its characters that are inside quotes. Cut is the share of responses that"
        " reached `max_tokens`.",
        "",
        "## Differences",
        "",
        f"Differences from {row_label(BASE)}, with {bootstrap_line(metrics['bootstrap'])}.",
        "",
        *_differences(metrics),
        "",
        *_dev(metrics),
        "## Further metrics",
        "",
        *markdown_table(table_cells(rows, further=True)),
        "",
        *_reward_accuracy(metrics),
        *_lm_eval(metrics),
        *_citations(metrics),
        "## Pairs",
        "",
    ]
    for number in range(1, layout.number(metrics["last"]) + 1):
        path = layout.pair_statistics(number)
        statistics = json.loads(path.read_text(encoding="utf-8"))
        lines += [f"- round {number}: {line}" for line in statistics_lines(statistics)]
    return "\n".join([*lines, "", *_responses(layout, metrics)]) + "\n"


def _differences(metrics: Mapping[str, Any]) -> list[str]:
    return [
        f"- {row_label(name)}: {difference_line(metrics['rows'][name], metrics['before'], ends)}"
        for name, ends in metrics["intervals"].items()
    ]


def _dev(metrics: Mapping[str, Any]) -> list[str]:
    """Show all policies on the development prompts, by which one of them was chosen."""
    dev = metrics["dev"]
    if dev is None:
        return []
    return [
        "## Development prompts",
        "",
        f"All policies on {counted(dev['prompts'], 'development prompt')}. The run's choices were"
        " made on these.",
        "",
        *markdown_table(table_cells(_labelled(dev["rows"]))),
        "",
        *_differences({**dev, "before": dev["rows"][BASE]}),
        "",
    ]


def _choice_and_looks(layout: Layout, metrics: Mapping[str, Any]) -> list[str]:
    """Say what the numbers may owe to choices, and to baselines that were not measured."""
    count = len(read_looks(layout.run))
    looks = (
        f"There are {counted(count, 'evaluation')} on the held-out prompts in this run. `{LOOKS}`"
        " says when, of what and with which settings."
    )
    said = [choice_line(metrics), looks, missing_line(layout.config)]
    return [" ".join(filter(None, said)), ""]


def _reward_accuracy(metrics: Mapping[str, Any]) -> list[str]:
    lines = []
    for policy, found in metrics["reward_accuracy"].items():
        if found["accuracy"] is not None:
            lines.append(
                f"- {row_label(policy)}: the chosen side has the higher reward in"
                f" {found['accuracy']:.1%} of {counted(found['pairs'], 'held-out preference pair')}"
            )
    return ["## Reward accuracy", "", *lines, ""] if lines else []


def _lm_eval(metrics: Mapping[str, Any]) -> list[str]:
    if metrics["lm_eval"] is None:
        return []
    note = f"After: {best_line(metrics)}."
    return ["## General ability", "", note, "", *markdown_table(lm_eval_cells(metrics)), ""]


def _citations(metrics: Mapping[str, Any]) -> list[str]:
    if "citations" not in metrics:
        return []
    table = markdown_table(citation_cells(metrics["citations"]))
    return ["## Citations", "", *table, "", CITATIONS_NOTE, ""]


def _responses(layout: Layout, metrics: Mapping[str, Any]) -> list[str]:
    """Show the first held-out prompts, in the order of their hashes, with marked responses."""
    from quotetune.corpus.index import Index
    from quotetune.prompts.prompt import load_prompts

    index = Index.open(layout.config.index)
    prompts = load_prompts(layout.heldout)[:_SHOWN_PROMPTS]
    texts = {
        name: _first_responses(layout.evaluation(name) / "samples")
        for name in (BASE, metrics["best"]["policy"])
    }
    lines = [
        "## Responses",
        "",
        f"The first {counted(len(prompts), 'held-out prompt')} in the order of their hashes, with"
        f" quotes in bold. [report.html](report.html) shows all of them. After:"
        f" {best_line(metrics)}.",
    ]
    for prompt in prompts:
        lines += ["", f"### {' '.join(prompt.last_message.split())}"]
        for name, responses in texts.items():
            response = responses[prompt.id]
            quotes = index.trace(response)
            lines += ["", f"{row_label(name)}:", "", *marked_response(response, quotes)]
    return lines


def _first_responses(samples: Path) -> dict[str, str]:
    from quotetune.sampling.parts import answers, read_samples

    rows = answers(read_samples(samples), ["prompt_id", "sample", "response"])
    return {row["prompt_id"]: row["response"] for row in rows if row["sample"] == 0}
