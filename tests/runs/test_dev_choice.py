"""Choices are made on development prompts, although the held-out prompts rank policies otherwise.

No model is trained: the responses of the three policies are written by hand and really evaluated.
"""

import json
from pathlib import Path

import pytest
import yaml

from answered_run import evaluate_answers, write_round
from html_page import read_page
from quotetune import Document, build_index
from quotetune.analysis.data_size import size_row_on_dev
from quotetune.config import Config
from quotetune.corpus.index import Index
from quotetune.metrics.table import metric_named
from quotetune.pipeline.run import plan, stage_list
from quotetune.prompts.prompt import Prompt, write_prompts
from quotetune.report import write_report
from quotetune.report.summary import summarize
from quotetune.runs.curves import collect_curves
from quotetune.runs.layout import Layout
from quotetune.runs.stopping import best_evaluated, stop_reason

FOX = "The quick brown fox jumps over the lazy dog near the river bank."
PROMPTS = {
    "heldout": [Prompt("h0", text="What jumps?"), Prompt("h1", text="What moves?")],
    "dev": [Prompt(f"d{i}", text=f"What is {i}?") for i in range(3)],
}
NONE, SOME, ALL = "A fox is an animal.", f"{FOX[:20]} is an animal.", FOX
# The held-out prompts say that round 2 is the best, the development prompts that round 1 is.
ANSWERS = {
    "heldout": {"base": NONE, "round-1": SOME, "round-2": ALL},
    "dev": {"base": NONE, "round-1": ALL, "round-2": SOME},
}


def write_run(directory: Path, **changes) -> Config:
    """Write all evaluations on both kinds of prompts, also those that a run would leave out."""
    run, index = directory / "run", directory / "index"
    build_index([Document("tales", "fox", FOX)], index, n=8)
    content = {
        "run": str(run),
        "index": str(index),
        "model": {"path": "m"},
        "prompts": {"path": "p.jsonl", "dev_fraction": 0.2},
        "rounds": 2,
        **changes,
    }
    (run / "prompts").mkdir(parents=True)
    (run / "config.yaml").write_text(yaml.safe_dump(content))
    for kind, prompts in PROMPTS.items():
        write_prompts(run / "prompts" / f"{kind}.parquet", prompts)
        for policy, answer in ANSWERS[kind].items():
            place = run / "evaluation" / policy / ("dev" if kind == "dev" else "")
            evaluate_answers(place, prompts, [answer] * len(prompts), Index.open(index))
    for policy in ("round-1", "round-2"):
        write_round(run / policy)
    return Config.model_validate(content)


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Config:
    config = write_run(tmp_path_factory.mktemp("chosen"))
    summarize(config)
    return config


def quips(run: Path, kind: str) -> dict[str, float]:
    """The QUIP of each policy, from the file of its evaluation."""
    inner = "dev/metrics" if kind == "dev" else "metrics"
    files = {name: run / "evaluation" / name / inner / "metrics.json" for name in ANSWERS[kind]}
    return {name: json.loads(path.read_text())["metrics"]["quip"] for name, path in files.items()}


def test_the_best_policy_is_that_of_the_development_prompts(config):
    dev, heldout = quips(config.run, "dev"), quips(config.run, "heldout")
    chosen = max(["round-1", "round-2"], key=dev.__getitem__)
    assert chosen != max(["round-1", "round-2"], key=heldout.__getitem__)
    assert best_evaluated(Layout(config)) == chosen == "round-1"
    metrics = json.loads((config.run / "metrics.json").read_text())
    assert metrics["best"] == {
        "policy": chosen,
        "criterion": "quip",
        "value": dev[chosen],
        "prompts": "dev",
    }
    assert (config.run / "best").resolve() == config.run / chosen / "adapter"
    assert (metrics["before"]["quip"], metrics["after"]["quip"]) == (
        heldout["base"],
        heldout[chosen],
    )


def test_without_development_prompts_the_same_files_give_the_other_choice(tmp_path):
    config = write_run(tmp_path, prompts={"path": "p.jsonl"})
    assert best_evaluated(Layout(config)) == "round-2"


def test_the_held_out_rows_are_those_of_the_base_model_and_the_chosen_policy(config):
    metrics = json.loads((config.run / "metrics.json").read_text())
    assert list(metrics["rows"]) == ["base", "round-1"]
    assert metrics["prompts"] == 2
    dev = metrics["dev"]
    assert dev["prompts"] == 3
    assert {name: row["quip"] for name, row in dev["rows"].items()} == quips(config.run, "dev")
    low, high = dev["intervals"]["round-2"]["quip"]
    assert low <= dev["rows"]["round-2"]["quip"] - dev["rows"]["base"]["quip"] <= high
    assert dev["bootstrap"]["prompts"] == {"round-1": 3, "round-2": 3}


def test_the_curves_and_the_study_of_sizes_are_of_the_development_prompts(config):
    curves = collect_curves(Layout(config))
    dev = quips(config.run, "dev")
    assert (curves["prompts"], curves["policies"]) == ("dev", list(dev))
    assert curves["curves"]["quip"] == list(dev.values())
    row = size_row_on_dev(config, 5)
    assert (row.policy, row.before, row.after) == ("round-1", dev["base"], dev["round-1"])
    intervals = json.loads((config.run / "metrics.json").read_text())["dev"]["intervals"]
    assert [row.low, row.high] == intervals["round-1"]["quip"]


def test_early_stop_reads_the_development_prompts(tmp_path):
    config = write_run(tmp_path, rounds=3, early_stop=True)
    dev, heldout = quips(config.run, "dev"), quips(config.run, "heldout")
    assert dev["round-2"] < dev["round-1"] and heldout["round-2"] > heldout["round-1"]
    shown = ", ".join(f"{name} {value:.4g}" for name, value in dev.items())
    assert stop_reason(Layout(config), 3) == f"round-2 did not improve quip: {shown}"


def test_the_plan_leaves_out_the_held_out_evaluation_of_what_was_not_chosen(config):
    entries = {entry.name: entry for entry in plan(stage_list(config)[-6:])}
    assert str(entries["evaluation/round-2/metrics"]) == (
        "never  evaluation/round-2/metrics (round-1 is the best policy)"
    )
    assert not entries["evaluation/round-1/metrics"].never
    names = [stage.name for stage in stage_list(config)]
    assert names.index("evaluation/round-2/dev/metrics") < names.index("evaluation/base/sample")


def test_the_summary_the_cards_and_the_page_say_where_the_choice_was_made(config):
    said = "The policy was chosen on 3 development prompts"
    summary = (config.run / "summary.md").read_text()
    assert said in summary and "## Development prompts" in summary
    dev, heldout = quips(config.run, "dev"), quips(config.run, "heldout")
    shown = {
        kind: {name: f"{value:.1%}" for name, value in found.items()}
        for kind, found in (("dev", dev), ("heldout", heldout))
    }
    cards = {
        policy: (config.run / policy / "adapter" / "README.md").read_text()
        for policy in ("round-1", "round-2")
    }
    assert "## Held-out prompts" in cards["round-1"] and said in cards["round-1"]
    assert (
        f"| QUIP | {shown['heldout']['base']} | {shown['heldout']['round-1']} |" in cards["round-1"]
    )
    assert "## Development prompts" in cards["round-2"]
    assert f"| QUIP | {shown['dev']['base']} | {shown['dev']['round-2']} |" in cards["round-2"]
    page = read_page(write_report(config.run))
    assert said in page.one("header").words
    wide, table = page.one("section", id="results").all("table")
    assert [cell.words for cell in wide.one("thead").all("th")] == ["metric", "base", "round 1"]
    (line,) = [row for row in table.one("tbody").all("tr") if row.all("th")[0].words == "QUIP"]
    cells = [cell.words.split()[0] for cell in line.all("td")]
    assert cells == [metric_named("quip").show(value) for value in dev.values()]
    assert "3 development prompts" in page.one("section", id="curves").words


def test_a_run_without_development_prompts_says_so_only_if_there_was_a_choice(tmp_path):
    chosen = write_run(tmp_path / "two", prompts={"path": "p.jsonl"})
    single = write_run(tmp_path / "one", prompts={"path": "p.jsonl"}, rounds=1)
    said = "chosen on the held-out prompts themselves"
    for config, expected in ((chosen, True), (single, False)):
        metrics = summarize(config)
        assert (metrics["dev"], metrics["best"]["prompts"]) == (None, "heldout")
        assert (said in (config.run / "summary.md").read_text()) == expected
        card = config.run / "round-1" / "adapter" / "README.md"
        assert (said in card.read_text()) == expected
        assert (said in read_page(write_report(config.run)).one("header").words) == expected
