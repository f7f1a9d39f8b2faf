"""Draw, measure and tabulate what a guide does: `python -m evidence.guide --help`.

It needs the demo's data and its tuned policy (`make demo`). What is drawn is kept in `--work`, so
an interrupted call goes on where it stopped.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.report import machine
from benchmarks.table import Listing

from evidence.arms import ARMS, BASE, Arm
from evidence.draw import Campaign, Drawn, draw
from evidence.rows import rows_of
from quotetune import Index
from quotetune.config.validation import load_config
from quotetune.evaluation.sample_metrics import evaluate_tables
from quotetune.measures.bootstrap import bootstrap_settings, difference_intervals
from quotetune.measures.neural import perplexities
from quotetune.measures.scoring_models import ScoringModels, prompt_words
from quotetune.metrics.table import metric_named
from quotetune.prompts.prompt import Prompt
from quotetune.runtime.console import progress
from quotetune.runtime.whole_files import write_json, write_text

RESULTS = Path("docs/results")
COLUMNS = tuple(
    metric_named(key)
    for key in (
        "quip",
        "on_topic_quip",
        "longest_quote",
        "rouge_l",
        "perplexity",
        "distinct_2",
        "documents_quoted",
        "length_chars",
        "cut",
    )
)


def main() -> None:
    """Do all that the options ask for."""
    options = _options()
    campaign = Campaign(
        load_config(options.config), options.adapter, options.prompts, options.n, options.work
    )
    for max_tokens in options.tokens:
        drawn = {arm: _drawn(arm, campaign, max_tokens) for arm in _wanted(options.arms)}
        content = measured(drawn, campaign, max_tokens)
        output = options.output or (None if options.arms else RESULTS)
        if output is not None:
            write_json(output / f"guide-{max_tokens}.json", content)
            write_text(output / "guide.md", page(output))
        print(table(content).markdown(), flush=True)


def measured(drawn: Mapping[Arm, Drawn], campaign: Campaign, max_tokens: int) -> dict[str, Any]:
    """Measure all rows, and their differences from the base model without a guide."""
    prompts = campaign.heldout()
    index = Index.open(campaign.config.index)
    tables = rows_of(drawn, campaign)
    rows = evaluate_tables(prompts, tables, index, ScoringModels(), campaign.work)
    perplexity = _perplexity({name: row.rows for name, row in rows.items()}, prompts, campaign)
    intervals, common = difference_intervals({name: row.rows for name, row in rows.items()})
    return {
        "machine": machine(),
        "prompts": len(prompts),
        "n": campaign.n,
        "max_tokens": max_tokens,
        "rows": {
            name: row.metrics | {"perplexity": perplexity[name]} for name, row in rows.items()
        },
        "tokens_per_second": {arm.name: given.tokens_per_second for arm, given in drawn.items()},
        "responses": {name: len(row.rows) for name, row in rows.items()},
        "intervals": intervals,
        "bootstrap": bootstrap_settings(common),
    }


def _perplexity(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], prompts: Sequence[Prompt], campaign: Campaign
) -> dict[str, float | None]:
    """Return the mean perplexity of each row's first response to each prompt, under the base.

    To score a response takes as long as to sample it, so the others are left out.
    """
    words = {prompt.id: prompt_words(prompt) for prompt in prompts}
    firsts = {
        name: list({row["prompt_id"]: row for row in reversed(own)}.values())
        for name, own in rows.items()
    }
    asked = [row for own in firsts.values() for row in own]
    values = perplexities(
        [row["response"] for row in asked],
        campaign.config.model,
        contexts=[words[row["prompt_id"]] for row in asked],
        work=campaign.work / "perplexity",
    )
    left = iter(values)
    known = {name: list(islice(left, len(own))) for name, own in firsts.items()}
    numbers = {name: [value for value in own if value] for name, own in known.items()}
    return {name: fmean(own) if own else None for name, own in numbers.items()}


def page(directory: Path) -> str:
    """Return the page of all tables that were measured."""
    contents = [json.loads(path.read_text("utf-8")) for path in directory.glob("guide-*.json")]
    tables = [table(one) for one in sorted(contents, key=lambda one: one["max_tokens"])]
    command = "`make demo && .venv/bin/python -m evidence.guide`"
    return "\n".join(["# What a guide does", "", command, "", *(one.markdown() for one in tables)])


def table(content: Mapping[str, Any]) -> Listing:
    """Return the table of one length."""
    return Listing(
        heading=f"At most {content['max_tokens']} tokens",
        header=("", *(metric.label for metric in COLUMNS), "on-topic share", "tokens/s"),
        rows=[
            (
                name,
                *(metric.show(row[metric.key]) for metric in COLUMNS),
                _on_topic_share(row),
                _speed(content["tokens_per_second"].get(name)),
            )
            for name, row in content["rows"].items()
        ],
        notes=(
            f"{content['prompts']} held-out prompts with {content['n']} responses each; temperature"
            " 0, a best of n and the start of the passage have one per prompt. All strengths of a"
            " policy are drawn together, so only the first has a speed, which is that of all."
            " Perplexity is that of the first response to each prompt, under the base model."
            f" {content['machine']}",
        ),
    )


def _speed(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.0f}"


def _on_topic_share(row: Mapping[str, float | None]) -> str:
    """Return the share of a row's QUIP that is on topic."""
    quip, on_topic = row["quip"], row["on_topic_quip"]
    return f"{on_topic / quip:.0%}" if quip and on_topic is not None else "\N{EN DASH}"


def _drawn(arm: Arm, campaign: Campaign, max_tokens: int) -> Drawn:
    with progress(f"{arm.name}, {max_tokens} tokens", "parts") as report:
        return draw(arm, campaign, max_tokens, lambda now: report(now.done, now.parts, now.note))


def _wanted(names: list[str]) -> list[Arm]:
    known = {arm.name: arm for arm in ARMS}
    return [known[name] for name in dict.fromkeys([BASE, *(names or known)])]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evidence.guide", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/demo.yaml"))
    parser.add_argument("--adapter", type=Path, default=Path("runs/demo/best"))
    parser.add_argument("--prompts", type=int, default=120, help="held-out prompts")
    parser.add_argument("--n", type=int, default=4, help="responses per prompt")
    parser.add_argument("--tokens", type=int, nargs="+", default=[64, 256])
    names = [arm.name for arm in ARMS]
    parser.add_argument(
        "--arms",
        nargs="+",
        default=[],
        choices=names,
        metavar="ARM",
        help="only these arms, and the base; printed, and written if --output is given",
    )
    parser.add_argument("--work", type=Path, default=Path("runs/evidence/guide"))
    parser.add_argument("--output", type=Path, help=f"directory of the results ({RESULTS})")
    return parser.parse_args()


if __name__ == "__main__":
    main()
