"""What a run ends with: `metrics.json`, `summary.md`, model cards, the table on the terminal."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from quotetune.config import Config
from quotetune.marked import marked_response
from quotetune.model_card import model_card
from quotetune.pairing import statistics_lines
from quotetune.whole_files import write_json, write_text

METRICS_SCHEMA = 1
_SHOWN_PROMPTS = 5
_Metrics = Mapping[str, float | None]
# Heading and format of each metric; what is not listed is in metrics.json only.
_COLUMNS = {
    "quip": ("QUIP", "{:.1%}"),
    "quip_micro": ("QUIP micro", "{:.1%}"),
    "coverage": ("coverage", "{:.1%}"),
    "longest_quote": ("longest quote", "{:.1f}"),
    "rouge_l": ("ROUGE-L", "{:.1%}"),
    "length_tokens": ("tokens", "{:.1f}"),
    "length_chars": ("characters", "{:.1f}"),
    "repetition": ("repetition", "{:.1%}"),
    "cut": ("cut", "{:.1%}"),
}


def summarize(config: Config) -> dict[str, Any]:
    """Write the metrics and the summary of a complete run, and print its table.

    Args:
        config: The run's config.

    Returns:
        The metrics, as in `metrics.json`.
    """
    metrics = collect_metrics(config.run, config.rounds)
    write_json(config.run / "metrics.json", metrics)
    write_text(config.run / "summary.md", _markdown(config, metrics))
    _write_cards(config, metrics)
    print_table(metric_rows(metrics))
    Console(highlight=False, soft_wrap=True).print(f"summary: {config.run / 'summary.md'}")
    return metrics


def _write_cards(config: Config, metrics: Mapping[str, Any]) -> None:
    """Put the numbers of each round into the model card of its policy."""
    rounds = {**metrics["rows"], f"round-{config.rounds}": metrics["after"]}
    for name, after in rounds.items():
        policy = config.run / name / "adapter"
        record = json.loads((policy / "training.json").read_text(encoding="utf-8"))
        card = model_card(record, {"before": metrics["before"], "after": after})
        write_text(policy / "README.md", card)


def collect_metrics(run: Path, rounds: int) -> dict[str, Any]:
    """Gather the metrics of all evaluations of a run.

    Args:
        run: The run's directory.
        rounds: Its rounds.

    Returns:
        `schema`, `prompts`, `before` (the base model), `after` (the last round), `best_of_n` (the
        base model's best responses, or None), and `rows`, with the rounds between.
    """

    def read(name: str) -> dict[str, Any]:
        path = run / "evaluation" / name / "metrics" / "metrics.json"
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content

    base = read("base")
    return {
        "schema": METRICS_SCHEMA,
        "prompts": base["prompts"],
        "before": base["metrics"],
        "after": read(f"round-{rounds}")["metrics"],
        "best_of_n": base["best_of_n"],
        "rows": {
            f"round-{number}": read(f"round-{number}")["metrics"] for number in range(1, rounds)
        },
    }


def metric_rows(metrics: Mapping[str, Any]) -> dict[str, _Metrics]:
    """Name the rows of a run's table."""
    rows = {"before": metrics["before"], **metrics["rows"], "after": metrics["after"]}
    if metrics["best_of_n"] is not None:
        rows["before, best of n"] = metrics["best_of_n"]
    return rows


def print_table(rows: Mapping[str, _Metrics]) -> None:
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


def table_cells(rows: Mapping[str, _Metrics]) -> list[list[str]]:
    """Format metrics.

    Args:
        rows: Metrics by the name of their row.

    Returns:
        The heading and a line a row; QUIP also relative to the first row.

    Example:
        >>> table_cells({"before": {"quip": 0.1, "cut": 0.0}, "after": {"quip": 0.25, "cut": 0.5}})
        [['', 'QUIP', 'cut'], ['before', '10.0%', '0.0%'], ['after', '25.0% (+150%)', '50.0%']]
    """
    first = next(iter(rows.values()))
    columns = {key: column for key, column in _COLUMNS.items() if key in first}
    lines = [["", *(heading for heading, _ in columns.values())]]
    for name, metrics in rows.items():
        line = [name]
        for key, (_, form) in columns.items():
            value = metrics[key]
            text = "-" if value is None else form.format(value)
            base = first[key]
            if key == "quip" and metrics is not first and base and value is not None:
                text += f" ({value / base - 1:+.0%})"
            line.append(text)
        lines.append(line)
    return lines


def _markdown(config: Config, metrics: Mapping[str, Any]) -> str:
    cells = table_cells(metric_rows(metrics))
    lines = [
        f"# {config.run.name}",
        "",
        f"{config.model.path}, {metrics['prompts']} held-out prompts, seed {config.seed},"
        f" {config.rounds} round{'s' if config.rounds > 1 else ''}.",
        "",
        _table_line(cells[0]),
        _table_line(["---"] + ["---:"] * (len(cells[0]) - 1)),
        *map(_table_line, cells[1:]),
        "",
        "QUIP is the share of a response's character n-grams that stand in the corpus; coverage"
        " the share of its characters inside quotes; cut the share of responses that reached"
        " max_tokens.",
        "",
        "## Pairs",
        "",
    ]
    for number in range(1, config.rounds + 1):
        path = config.run / f"round-{number}" / "pairs" / "pairs.json"
        statistics = json.loads(path.read_text(encoding="utf-8"))
        lines += [f"- round {number}: {line}" for line in statistics_lines(statistics)]
    return "\n".join([*lines, "", *_responses(config)]) + "\n"


def _table_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _responses(config: Config) -> list[str]:
    """Show the first held-out prompts, which the hash has chosen, with marked responses."""
    from quotetune.index import Index
    from quotetune.prompts import load_prompts

    index = Index.open(config.index)
    prompts = load_prompts(config.run / "prompts" / "heldout.parquet")[:_SHOWN_PROMPTS]
    names = {"before": "base", "after": f"round-{config.rounds}"}
    texts = {
        title: _first_responses(config.run / "evaluation" / name / "samples")
        for title, name in names.items()
    }
    lines = [
        "## Responses",
        "",
        f"The first {len(prompts)} held-out prompts in the order of their hashes. Quotes are bold.",
    ]
    for prompt in prompts:
        shown = prompt.text if prompt.messages is None else prompt.messages[-1]["content"]
        lines += ["", f"### {' '.join((shown or '').split())}"]
        for title in names:
            response = texts[title][prompt.id]
            quotes = index.trace(response)
            lines += ["", f"{title}:", "", *marked_response(response, quotes)]
    return lines


def _first_responses(samples: Path) -> dict[str, str]:
    from quotetune.sampling.parts import read_samples

    rows = read_samples(samples).select(["prompt_id", "sample", "response"]).to_pylist()
    return {row["prompt_id"]: row["response"] for row in rows if row["sample"] == 0}
