"""A whole run on a random model: its files, what a changed config touches, and kill -9 anywhere."""

import fcntl
import json
import shutil
import signal
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

import tiny_run
from quotetune.config import Config
from quotetune.errors import UsageError
from quotetune.metrics.table import EVALUATED
from quotetune.pipeline.run import plan, run, stage_list

METRICS = {
    "quip",
    "quip_micro",
    "coverage",
    "longest_quote",
    "rouge_l",
    "answer_recall",
    "answer_f1",
    "length_tokens",
    "length_chars",
    "repetition",
    "cut",
    "on_topic_quip",
    "on_topic_share",
    "quote_precision",
    "quip_ignore_prompt",
    "false_positive_floor",
    "documents_quoted",
    "distinct_1",
    "distinct_2",
    "perplexity",
    "bart_score",
    "mauve",
}

POLICIES = ("base", "absorbed", "round-1", "round-2")
AFTER_A_TRAINING = {
    *(f"evaluation/round-{k}/{step}" for k in (1, 2) for step in ("sample", "metrics")),
    *(f"round-2/{step}" for step in ("sample", "score", "pair", "replay")),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("inputs")
    return tiny_run.write_inputs(directory, **tiny_run.EVERYTHING)


@pytest.fixture(scope="module")
def finished(inputs, tmp_path_factory, without_children):
    """The config of a run that went through undisturbed."""
    config = {**inputs, "run": str(tmp_path_factory.mktemp("finished") / "run")}
    tiny_run.run(config)
    return config


def plan_of(config, **changes):
    """Return the plan of a run after a change of some blocks of its config."""
    changed = {name: {**config[name], **block} for name, block in changes.items()}
    entries = plan(stage_list(Config.model_validate({**config, **changed})))
    return {entry.name: entry for entry in entries}


def test_a_run_leaves_every_file_that_it_promises(finished):
    directory = Path(finished["run"])
    names = {str(path.relative_to(directory)) for path in directory.rglob("*")}
    assert names >= {
        "config.yaml",
        "metrics.json",
        "summary.md",
        "report.html",
        "prompts/round-1.parquet",
        "prompts/heldout.parquet",
        "round-1/samples/part-00000.parquet",
        "round-1/samples/part-00001.parquet",
        "round-1/scores/scores.parquet",
        "round-1/pairs/pairs.parquet",
        "round-1/pairs/pairs.json",
        "round-1/adapter/adapter_model.safetensors",
        "evaluation/base/metrics/metrics.json",
        "evaluation/round-1/metrics/metrics.json",
        "absorbed/documents/texts.parquet",
        "absorbed/adapter/adapter_model.safetensors",
        "round-2/replay/pairs.parquet",
        "round-2/replay/replay.json",
        "curves.json",
        "best",
    }
    assert not [name for name in names if "partial" in name or name.endswith(".tmp")]
    kept = yaml.safe_load((directory / "config.yaml").read_text())
    assert kept == Config.model_validate(finished).model_dump(mode="json")


def test_the_metrics_are_those_of_the_documented_schema(finished):
    metrics = json.loads((Path(finished["run"]) / "metrics.json").read_text())
    assert set(metrics) == {
        "schema",
        "prompts",
        "before",
        "after",
        "policies",
        "last",
        "best",
        "stopped",
        "best_of_n",
        "reference",
        "rows",
        "quote_lengths",
        "intervals",
        "bootstrap",
        "dev",
        "reward_accuracy",
        "lm_eval",
    }
    assert (metrics["schema"], metrics["prompts"]) == (3, 4)
    rows = metrics["rows"]
    assert list(rows) == [*POLICIES, "best_of_n", "best_of_n_on_topic", "reference"]
    assert all(set(row) == METRICS for row in rows.values())
    assert metrics["before"] == rows["base"]
    assert metrics["after"] == rows[metrics["best"]["policy"]]
    assert all(metrics[name] == rows[name] for name in ("best_of_n", "reference"))
    assert list(metrics["quote_lengths"]) == list(rows)
    assert list(metrics["intervals"]) == list(rows)[1:]
    for name, ends in metrics["intervals"].items():
        low, high = ends["quip"]
        assert low <= rows[name]["quip"] - metrics["before"]["quip"] <= high
    assert set(metrics["bootstrap"]["prompts"].values()) == {4}
    assert (metrics["reward_accuracy"], metrics["lm_eval"], metrics["stopped"]) == ({}, None, None)
    assert set(EVALUATED) == METRICS
    assert metrics["best_of_n"]["quip"] >= metrics["before"]["quip"]
    assert metrics["after"] != metrics["before"]


def test_the_evaluation_uses_heldout_prompts_and_the_same_seeds_before_and_after(finished):
    directory = Path(finished["run"])

    def rows(name, *columns):
        parts = sorted((directory / name / "samples").glob("part-*.parquet"))
        return {
            tuple(row.values())
            for part in parts
            for row in pq.read_table(part, columns=list(columns)).to_pylist()
        }

    before = rows("evaluation/base", "prompt_id", "sample", "seed")
    assert rows("evaluation/round-1", "prompt_id", "sample", "seed") == {
        row for row in before if row[1] == 0
    }
    trained = rows("round-1", "prompt_id")
    assert trained.isdisjoint(rows("evaluation/base", "prompt_id"))
    assert rows("round-1", "seed").isdisjoint(rows("evaluation/base", "seed"))


def test_pairs_and_statistics_agree_with_scores(finished):
    directory = Path(finished["run"]) / "round-1"
    scores = {
        (row["prompt_id"], row["sample"]): row
        for row in pq.read_table(directory / "scores" / "scores.parquet").to_pylist()
    }
    pairs = pq.read_table(directory / "pairs" / "pairs.parquet").to_pylist()
    for pair in pairs:
        chosen = scores[pair["prompt_id"], pair["chosen_sample"]]
        assert pair["chosen_quip"] == chosen["quip"]
        assert chosen["quip"] == chosen["numerator"] / chosen["denominator"]
        assert pair["chosen_quip"] - pair["rejected_quip"] > 0.02
    statistics = json.loads((directory / "pairs" / "pairs.json").read_text())
    assert statistics["pairs"] == len(pairs)
    assert statistics["prompts"] == 6
    without = sum(statistics["prompts_without_pair"].values())
    assert statistics["prompts_with_pair"] + without == statistics["prompts"]


def test_the_summary_shows_marked_responses_with_their_sources(finished):
    summary = (Path(finished["run"]) / "summary.md").read_text()
    assert "| base |" in summary and "| round 2 |" in summary
    assert "### What is" in summary
    assert "**" in summary.partition("## Responses")[2]
    assert "documents/" in summary


def test_the_model_card_has_the_numbers_before_and_after(finished):
    metrics = json.loads((Path(finished["run"]) / "metrics.json").read_text())
    card = (Path(finished["run"]) / "round-1" / "adapter" / "README.md").read_text()
    before, after = metrics["before"]["quip"], metrics["rows"]["round-1"]["quip"]
    assert "|  | base | round 1 |" in card
    assert f"| QUIP | {before:.1%} | {after:.1%} |" in card


def test_a_later_round_learns_half_of_the_pairs_of_the_one_before(finished):
    directory = Path(finished["run"])
    own, before = (
        pq.read_table(directory / f"round-{number}" / "pairs" / "pairs.parquet").to_pylist()
        for number in (2, 1)
    )
    mixed = pq.read_table(directory / "round-2" / "replay" / "pairs.parquet").to_pylist()
    rounds = [row.pop("round") for row in mixed]
    assert rounds == [2] * len(own) + [1] * round(len(before) / 2)
    assert mixed[: len(own)] == own
    assert all(row in before for row in mixed[len(own) :])
    record = json.loads((directory / "round-2" / "adapter" / "training.json").read_text())
    assert record["pairs"] == len(mixed)


def test_the_best_policy_and_the_curves_are_those_of_the_metrics(finished):
    directory = Path(finished["run"])
    metrics = json.loads((directory / "metrics.json").read_text())
    curves = json.loads((directory / "curves.json").read_text())
    quips = {name: metrics["rows"][name]["quip"] for name in POLICIES}
    assert curves["policies"] == list(quips)
    assert curves["curves"]["quip"] == list(quips.values())
    del quips["base"]
    assert metrics["best"]["value"] == max(quips.values()) == metrics["after"]["quip"]
    best = directory / metrics["best"]["policy"] / "adapter"
    assert (directory / "best").resolve() == best.resolve()


def test_a_round_that_did_not_help_is_the_last_one(finished, tmp_path, capsys):
    copy = tmp_path / "run"
    shutil.copytree(finished["run"], copy, symlinks=True)
    metrics = json.loads((copy / "metrics.json").read_text())
    before, after = (metrics["rows"][name]["quip"] for name in ("absorbed", "round-1"))
    prefer = "higher" if after <= before else "lower"
    changes = {"run": str(copy), "early_stop": True, "best": {"prefer": prefer}}
    tiny_run.run({**finished, **changes})
    lines = capsys.readouterr().err.splitlines()
    never = [line for line in lines if line.startswith("never")]
    assert [line.split()[1].partition("/")[0] for line in never] == ["round-2"] * 5 + [
        "evaluation"
    ] * 2
    assert all("round-1 did not improve quip" in line for line in never)
    stopped = json.loads((copy / "metrics.json").read_text())
    assert stopped["last"] == "round-1"
    assert (stopped["best"]["policy"], stopped["after"]) == (
        "absorbed",
        stopped["rows"]["absorbed"],
    )
    assert list(stopped["rows"])[:4] == ["base", "absorbed", "round-1", "best_of_n"]
    assert json.loads((copy / "curves.json").read_text())["policies"][-1] == "round-1"


def test_a_run_that_is_done_does_nothing_again(finished, capsys):
    tiny_run.run(finished)
    *lines, best, choice = capsys.readouterr().err.splitlines()
    assert len(lines) == 20
    assert all(line.startswith("done") for line in lines)
    assert best.startswith("before: base; after: ")
    assert choice.startswith("The policy was chosen on the held-out prompts themselves")


def test_a_changed_pairing_rule_touches_pairing_training_and_evaluation_only(finished):
    entries = plan_of(finished, pairs={"delta_quip": 0.03})
    assert {name for name, entry in entries.items() if entry.todo is False} == {
        "prompts",
        "round-1/sample",
        "round-1/score",
        "evaluation/base/sample",
        "evaluation/base/metrics",
        "absorb/documents",
        "absorb/train",
        "evaluation/absorbed/sample",
        "evaluation/absorbed/metrics",
    }
    assert str(entries["round-1/pair"]) == (
        "to do  round-1/pair (again: pairs.delta_quip 0.02 -> 0.03)"
    )
    assert entries["round-1/train"].note == "if round-1/pair gives other files"


@pytest.mark.parametrize(
    ("changes", "again", "open_"),
    [
        (
            {"dpo": {"learning_rate": 1e-3}},
            {"round-1/train"},
            AFTER_A_TRAINING | {"round-2/train"},
        ),
        ({"dpo": {"logging_steps": 1}}, set(), set()),
        (
            {"evaluation": {"sampling": {"max_tokens": 8}}},
            {f"evaluation/{policy}/sample" for policy in POLICIES},
            {f"evaluation/{policy}/metrics" for policy in POLICIES},
        ),
        (
            {"evaluation": {"best_of_n": None}},
            {"evaluation/base/sample"},
            {"evaluation/base/metrics"},
        ),
        (
            {"absorb": {"ids": "end"}},
            {"absorb/documents"},
            AFTER_A_TRAINING
            | {"absorb/train", "evaluation/absorbed/sample", "evaluation/absorbed/metrics"}
            | {
                f"round-{k}/{step}" for k in (1, 2) for step in ("sample", "score", "pair", "train")
            },
        ),
    ],
)
def test_a_changed_key_touches_what_reads_it(finished, changes, again, open_):
    entries = plan_of(finished, **changes)
    touched = {name for name, entry in entries.items() if entry.todo is not False}
    assert touched == again | open_
    assert {name for name in again if entries[name].todo} == again


def test_what_scales_the_batch_touches_the_training(finished, tmp_path):
    launch = tmp_path / "launch.yaml"
    launch.write_text("num_processes: 2\n")
    entries = plan_of({**finished, "launch": str(launch)})
    assert str(entries["absorb/train"]) == "to do  absorb/train (again: launch has changed)"
    assert entries["round-1/train"].todo is None


def test_another_tokenizer_touches_the_prompts_that_it_cuts(finished):
    prompts = {**finished["prompts"], "format": "text", "prefix_tokens": 2}
    first, other = (
        stage_list(
            Config.model_validate({**finished, "prompts": prompts, "model": {"path": path}})
        )[0].settings
        for path in ("owner/one", "owner/other")
    )
    assert first != other


def test_more_heldout_prompts_leave_the_training_done(finished, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished["run"], copy)
    prompts = {**finished["prompts"], "heldout_limit": 5}
    config = Config.model_validate({**finished, "run": copy, "prompts": prompts})
    run(config, until="absorb/documents")
    todo = {entry.name for entry in plan(stage_list(config)) if entry.todo is not False}
    assert todo == {
        f"evaluation/{policy}/{step}" for policy in POLICIES for step in ("sample", "metrics")
    }


def test_a_changed_threshold_that_gives_the_same_pairs_trains_nothing_again(finished, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished["run"], copy)
    pairs = {**finished["pairs"], "delta_quip": 0.02000001}
    config = Config.model_validate({**finished, "run": copy, "pairs": pairs})
    run(config, until="round-2/pair")
    assert all(entry.todo is False for entry in plan(stage_list(config)))


def test_two_runs_in_one_directory_refuse(finished):
    with (Path(finished["run"]) / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="is working on it"):
            tiny_run.run(finished)


def test_an_unknown_stage_is_named(finished):
    with pytest.raises(UsageError, match=r"--until tain.*round-1/train"):
        stage_list(Config.model_validate(finished), "tain")


def test_rounds_take_their_own_prompts_and_start_from_the_policy_before(inputs):
    stages = {stage.name: stage for stage in stage_list(Config.model_validate(inputs))}
    root = Path(inputs["run"])
    second = stages["round-2/sample"].inputs
    assert second["its prompts"] == root / "prompts" / "round-2.parquet"
    assert second["the adapter"] == root / "round-1" / "adapter"
    assert stages["round-1/sample"].inputs["the adapter"] == root / "absorbed" / "adapter"
    assert stages["round-2/train"].inputs["the adapter"] == root / "round-1" / "adapter"
    assert stages["round-2/train"].settings["reference"] == "previous"
    assert stages["evaluation/round-2/sample"].inputs["the adapter"] == root / "round-2" / "adapter"


# By moment: the stage that the kill interrupts, if the next call resumes it in the middle.
INTERRUPTED = {
    "absorb": "absorb/train",
    "sample": "round-1/sample",
    "train": "round-1/train",
    "train-again": "round-2/train",
}


class KilledRun:
    """A run that is killed at one moment after another, and resumed each time."""

    def __init__(self, inputs, directory, processes):
        self._processes = processes
        self.config = {**inputs, "run": str(directory / "run")}
        self._path = directory / "config.yaml"
        self._path.write_text(yaml.safe_dump(self.config))
        self._said = {}

    def said(self, moment):
        """Return the messages of the run until it was killed at a moment; None is its end."""
        for earlier in (*tiny_run.MOMENTS, None):
            if earlier not in self._said:
                self._said[earlier] = self._run(earlier)
            if earlier == moment:
                break
        return self._said[moment]

    def _run(self, moment):
        status, said = self._processes.run(self._path, moment)
        assert status == (0 if moment is None else -signal.SIGKILL), said
        return said


@pytest.fixture(scope="module")
def killed(inputs, tmp_path_factory):
    directory = tmp_path_factory.mktemp("killed")
    processes = tiny_run.Processes(directory)
    yield KilledRun(inputs, directory, processes)
    processes.close()


# A test for each moment, so that none takes longer than two calls: together they took minutes, and
# on a busy machine longer than a test may take.
@pytest.mark.parametrize(
    ("moment", "after"), list(pairwise((*tiny_run.MOMENTS, None))), ids=tiny_run.MOMENTS
)
def test_a_run_that_is_killed_with_kill_9_resumes_where_it_was(killed, moment, after):
    killed.said(moment)
    resumed = killed.said(after)
    if moment in INTERRUPTED:
        assert f"{INTERRUPTED[moment]} (resumes where it was interrupted)" in resumed


def test_a_run_that_was_killed_many_times_gives_the_same_pairs_and_metrics(killed, finished):
    assert killed.said(None).count("done ") == 17

    def result(run_directory):
        directory = Path(run_directory)
        tables = [
            *directory.glob("absorbed/documents/*.parquet"),
            *sorted(directory.glob("round-*/*/pairs.parquet")),
        ]
        assert len(tables) == 4
        rows = [pq.read_table(table).to_pylist() for table in tables]
        return rows, json.loads((directory / "metrics.json").read_text())

    assert result(killed.config["run"]) == result(finished["run"])
