"""A run whose first round is better than its second: every output says so.

No model is trained: the responses of the three policies are written by hand and really evaluated.
"""

import json
from pathlib import Path

import pytest
import yaml

from answered_run import evaluate_answers, write_round
from html_page import read_page
from quotetune import Document, build_index
from quotetune.analysis.data_size import size_row
from quotetune.config import Config
from quotetune.corpus.index import Index
from quotetune.prompts.prompt import Prompt, write_prompts
from quotetune.report import write_report
from quotetune.report.summary import summarize
from quotetune.runs.finished import tuned_policy

FOX = "The quick brown fox jumps over the lazy dog near the river bank."
ICE = "A glacier is a persistent body of dense ice that moves under its own weight."
# Round 1 quotes the document that is asked for. Round 2 quotes more, but the other document.
ANSWERS = {
    "base": ("A fox is an animal.", "Ice is cold and it is hard."),
    "round-1": (f"{FOX[:30]}.", "Ice is a persistent body of water."),
    "round-2": (ICE, FOX),
}
PROMPTS = [
    Prompt("p0", text="What jumps?", reference=FOX, documents=[("tales", "fox")]),
    Prompt("p1", text="What moves?", reference=ICE, documents=[("tales", "ice")]),
]
SAID = "round 1, the best of 2 by on-topic QUIP"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("best")
    run, index = directory / "run", directory / "index"
    build_index([Document("tales", "fox", FOX), Document("tales", "ice", ICE)], index, n=8)
    content = {
        "run": str(run),
        "index": str(index),
        "model": {"path": "m"},
        "prompts": {"path": "p.jsonl"},
        "rounds": 2,
        "best": {"criterion": "on_topic_quip"},
        "evaluation": {"lm_eval": {"tasks": ["x"]}},
    }
    (run / "prompts").mkdir(parents=True)
    (run / "config.yaml").write_text(yaml.safe_dump(content))
    write_prompts(run / "prompts" / "heldout.parquet", PROMPTS)
    for number, (policy, texts) in enumerate(ANSWERS.items()):
        evaluate_answers(run / "evaluation" / policy, PROMPTS, texts, Index.open(index))
        lm_eval = run / "evaluation" / policy / "lm_eval" / "lm_eval.json"
        if policy != "round-2":  # lm-eval never runs on a policy that is not the best
            lm_eval.parent.mkdir()
            lm_eval.write_text(json.dumps({"x": {"acc": number / 8}}))
        if policy != "base":
            write_round(run / policy)
    summarize(Config.model_validate(content))
    return run


def test_after_is_the_best_policy_and_rows_has_all_by_their_names(run):
    metrics = json.loads((run / "metrics.json").read_text())
    rows = metrics["rows"]
    assert list(rows) == ["base", "round-1", "round-2", "reference"]
    on_topic, quip = ([rows[name][key] for name in ANSWERS] for key in ("on_topic_quip", "quip"))
    assert on_topic[1] > on_topic[2] and quip[1] < quip[2] == 1
    assert (metrics["before"], metrics["after"]) == (rows["base"], rows["round-1"])
    assert (metrics["last"], metrics["best"]["policy"]) == ("round-2", "round-1")
    assert list(metrics["intervals"]) == list(rows)[1:]
    low, high = metrics["intervals"]["round-2"]["quip"]
    assert low <= quip[2] - quip[0] <= high
    assert metrics["lm_eval"] == {"before": {"x": {"acc": 0.0}}, "after": {"x": {"acc": 0.125}}}


def test_what_is_used_and_studied_is_the_best_policy(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert tuned_policy(run).directory.resolve() == run / "round-1" / "adapter"
    row = size_row(run, 5)
    assert (row.policy, row.after) == ("round-1", metrics["rows"]["round-1"]["quip"])
    assert [row.low, row.high] == metrics["intervals"]["round-1"]["quip"]


def test_every_table_says_which_policy_it_is(run):
    metrics = json.loads((run / "metrics.json").read_text())
    summary = (run / "summary.md").read_text()
    assert f"Before: base; after: {SAID}" in summary
    table = summary.split("\n\n")[3].splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == [
        *("| base", "| round 1", "| round 2", "| reference")
    ]
    for heading in ("## General ability", "## Responses"):
        assert f"After: {SAID}" in summary.partition(heading)[2].partition("\n#")[0]
    assert "|  | base | round 1 |" in summary
    assert "\nround 1:\n" in summary and "\nround 2:\n" not in summary
    for policy in ("round-1", "round-2"):
        card = (run / policy / "adapter" / "README.md").read_text()
        assert f"|  | base | {policy.replace('-', ' ')} |" in card
        assert f"{metrics['rows'][policy]['quip']:.1%} |" in card
        assert f"selected {SAID}" in card


def test_the_report_shows_the_same_policy(run):
    page = read_page(write_report(run))
    (tuned,) = page.one("section", id="results").all("th", class_="tuned")
    assert tuned.words == "round 1"
    captions = [caption.words for caption in page.one("section", id="results").all("caption")]
    assert captions[0].startswith(f"The run selected {SAID}")
    assert f"After: {SAID}" in captions[1]
