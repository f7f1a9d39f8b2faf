"""How well a run's policies quote the passage in a prompt: `python -m evidence.passages --help`.

The run has a passage in every prompt (`configs/xquad.yaml`). Each policy answers freely, with the
guide towards the passage, verbatim from it, and with the sentence of it that the policy finds
likeliest. Beside them is what could explain their numbers: the sentence that a search finds, and
the passage's start. What is drawn is kept in `--work`.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import machine
from benchmarks.table import Listing

from evidence.sampled import sampled
from quotetune import Index
from quotetune.config import Config
from quotetune.config.validation import load_config
from quotetune.evaluation.from_passages import (
    answering_sentences,
    best_sentences,
    likeliest_sentences,
    passage_starts,
)
from quotetune.evaluation.sample_metrics import evaluate_tables, text_table
from quotetune.measures.bootstrap import bootstrap_settings, difference_intervals
from quotetune.measures.scoring_models import ScoringModels
from quotetune.metrics.table import metric_named
from quotetune.prompts.prompt import Prompt, load_prompts
from quotetune.prompts.split import DEV, HELDOUT
from quotetune.runtime.console import say
from quotetune.runtime.whole_files import write_json

COLUMNS = tuple(
    metric_named(key)
    for key in (
        "quote_precision",
        "answer_recall",
        "answer_f1",
        "rouge_l",
        "longest_quote",
        "repetition",
        "length_chars",
        "cut",
    )
)
_GREEDY = {"temperature": 0.0, "n": 1}
_VERBATIM = {"mode": "verbatim", "marks": "", "documents": "prompt"}

# Ways to decode, as changes to the config's `sampling:` block.
DECODES: Mapping[str, Mapping[str, Any]] = {
    "as sampled": {"n": 4, "guide": None},
    "greedy": _GREEDY | {"guide": None},
    "greedy, guide 8": _GREEDY | {"guide": {"strength": 8, "documents": "prompt"}},
    "greedy, guide 16": _GREEDY | {"guide": {"strength": 16, "documents": "prompt"}},
    "greedy, verbatim": _GREEDY | {"guide": _VERBATIM | {"strength": 0}},
}
# One more way to answer, which draws nothing.
LIKELIEST = "likeliest sentence"


@dataclass(frozen=True)
class Work:
    """What all rows have in common."""

    config: Config
    prompts: Sequence[Prompt]
    place: Path


def main() -> None:
    """Draw, measure and print."""
    options = _options()
    config = load_config(options.config)
    side = HELDOUT if options.heldout else DEV
    prompts = load_prompts(config.run / "prompts" / side)
    work = Work(config, prompts, options.work / Path(side).stem)
    policies: dict[str, Path | None] = {"base": None}
    policies |= {path.parents[1].name: path for path in options.adapters}
    tables: dict[str, Any] = {}
    for policy, adapter in policies.items():
        for answer in options.answers:
            row = f"{policy}, {answer}"
            if answer == LIKELIEST:
                tables[row] = _likeliest(work, policy, adapter)
            else:
                tables[row] = _drawn(work, policy, answer, adapter)
            say(f"{row}: done")
    tables |= _copied(work, _drawn(work, "base", "greedy", None))
    asked = answering_sentences(prompts, model=config.model, work=work.place / "answering")
    tables["best sentence (BM25, base)"] = _as_table(prompts, asked)
    rows = evaluate_tables(prompts, tables, Index.open(config.index), ScoringModels(), work.place)
    intervals, common = difference_intervals({name: row.rows for name, row in rows.items()})
    content = {
        "machine": machine(),
        "prompts": len(prompts),
        "rows": {name: row.metrics for name, row in rows.items()},
        "intervals": intervals,
        "bootstrap": bootstrap_settings(common),
    }
    if options.output is not None:
        write_json(options.output, content)
    print(table(content).markdown())


def _drawn(work: Work, policy: str, decode: str, adapter: Path | None) -> Any:
    place = work.place / f"{policy}, {decode}".replace(", ", "-").replace(" ", "-")
    return sampled(work.config, work.prompts, place, DECODES[decode], adapter=adapter)


def _copied(work: Work, base: Any) -> dict[str, Any]:
    """Return the rows that no model answers."""
    prompts = work.prompts
    texts = base["response"].to_pylist()
    chars = round(sum(map(len, texts)) / len(texts))
    longest = max(len(passage) for prompt in prompts for passage in prompt.passages or ())
    copied = {
        "best sentence (BM25)": best_sentences(prompts),
        f"first {chars} characters": passage_starts(prompts, chars),
        "whole passage": passage_starts(prompts, longest),
    }
    return {name: _as_table(prompts, answers) for name, answers in copied.items()}


def _likeliest(work: Work, policy: str, adapter: Path | None) -> Any:
    """Choose the sentence of each passage that a policy finds likeliest as its answer."""
    greedy = _drawn(work, policy, "greedy", adapter)
    tokens = dict(
        zip(greedy["prompt_id"].to_pylist(), greedy["prompt_token_ids"].to_pylist(), strict=True)
    )
    likeliest = likeliest_sentences(
        work.prompts,
        [tokens[prompt.id] for prompt in work.prompts],
        model=work.config.model,
        adapter=adapter,
        work=work.place / "likeliest",
    )
    return _as_table(work.prompts, likeliest)


def _as_table(prompts: Sequence[Prompt], answers: Sequence[str]) -> Any:
    return text_table([(prompt.id, 0, text) for prompt, text in zip(prompts, answers, strict=True)])


def table(content: Mapping[str, Any]) -> Listing:
    """Return the table of what was measured."""
    return Listing(
        heading=f"{content['prompts']} questions about a passage",
        header=("", *(metric.label for metric in COLUMNS)),
        rows=[
            (name, *(metric.show(row[metric.key]) for metric in COLUMNS))
            for name, row in content["rows"].items()
        ],
        notes=f"Intervals are in the JSON file. {content['machine']}",
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evidence.passages", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/xquad.yaml"))
    parser.add_argument("--adapters", type=Path, nargs="*", default=[], help="tuned policies")
    parser.add_argument(
        "--answers",
        nargs="+",
        choices=(*DECODES, LIKELIEST),
        default=(*DECODES, LIKELIEST),
        help="ways to answer",
    )
    parser.add_argument("--heldout", action="store_true", help="not the development prompts")
    parser.add_argument("--work", type=Path, default=Path("runs/evidence/passages"))
    parser.add_argument("--output", type=Path, help="JSON file of all metrics")
    return parser.parse_args()


if __name__ == "__main__":
    main()
