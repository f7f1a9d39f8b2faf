"""A run with development prompts: its files, the record of held-out evaluations, a kill."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import tiny_run
from html_page import read_page
from killed_training import Killed
from quotetune.config import Config
from quotetune.pipeline.estimate import estimate
from quotetune.pipeline.run import plan, stage_list
from quotetune.report import write_report
from quotetune.runs.looks import read_looks

pytestmark = pytest.mark.usefixtures("without_children")
TRAINED = ("round-1", "round-2")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    split = {"dev_fraction": 0.3, "dev_limit": 5}
    changes = {"rounds": 2, "prompts": split, "evaluation": {"reward_accuracy": True}}
    config = tiny_run.write_inputs(tmp_path_factory.mktemp("inputs"), **changes)
    return config | {"dpo": [config["dpo"], config["dpo"] | {"beta": 0.05}]}


@pytest.fixture(scope="module")
def finished(inputs, tmp_path_factory, without_children):
    config = {**inputs, "run": str(tmp_path_factory.mktemp("finished") / "run")}
    tiny_run.run(config)
    return config


def ids(path):
    return pq.read_table(path, columns=["id"])["id"].to_pylist()


def sampled(directory):
    parts = sorted((directory / "samples").glob("part-*.parquet"))
    return {name for part in parts for name in pq.read_table(part)["prompt_id"].to_pylist()}


def test_each_round_is_trained_with_its_own_block(finished):
    records = [
        json.loads((Path(finished["run"]) / policy / "adapter" / "training.json").read_text())
        for policy in TRAINED
    ]
    assert [record["dpo"].get("beta") for record in records] == [None, 0.05]


def test_the_choice_is_that_of_the_recorded_development_metrics(finished):
    run = Path(finished["run"])
    quip = {
        name: json.loads((run / f"evaluation/{name}/dev/metrics/metrics.json").read_text())
        for name in TRAINED
    }
    best = max(TRAINED, key=lambda name: quip[name]["metrics"]["quip"])
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["best"]["policy"] == best
    assert list(metrics["rows"]) == ["base", best, "best_of_n", "best_of_n_on_topic", "reference"]
    assert list(metrics["reward_accuracy"]) == [best]
    (other,) = set(TRAINED) - {best}
    assert {path.name for path in (run / "evaluation" / other).iterdir()} == {"dev"}


def test_each_evaluation_asks_its_own_prompts_and_no_other_stage_does(finished):
    run = Path(finished["run"])
    heldout, dev = (set(ids(run / "prompts" / f"{name}.parquet")) for name in ("heldout", "dev"))
    train = {name for path in run.glob("prompts/round-*.parquet") for name in ids(path)}
    assert (len(heldout), len(dev), len(train)) == (4, 5, 12)
    assert heldout.isdisjoint(dev) and train.isdisjoint(heldout | dev)
    for policy in ("base", *TRAINED):
        assert sampled(run / "evaluation" / policy / "dev") == dev
    assert sampled(run / "evaluation" / "base") == heldout
    assert sampled(run / "round-1") | sampled(run / "round-2") <= train


def test_the_record_has_each_evaluation_of_the_held_out_prompts_once(finished):
    run = Path(finished["run"])
    best = json.loads((run / "metrics.json").read_text())["best"]["policy"]
    looks = read_looks(run)
    assert [look["evaluation"] for look in looks] == ["base", best]
    for look in looks:
        manifest = run / "evaluation" / look["evaluation"] / "metrics" / "stage.json"
        assert look["when"] == json.loads(manifest.read_text())["finished"]
        assert look["settings"]["prompts"]["dev_fraction"] == 0.3
    before = (run / "heldout.jsonl").read_bytes()
    tiny_run.run(finished)
    assert (run / "heldout.jsonl").read_bytes() == before


def test_a_run_that_is_killed_gives_the_same_choice_and_the_same_record(
    inputs, finished, tmp_path, monkeypatch
):
    config = {**inputs, "run": str(tmp_path / "run")}
    best = json.loads((Path(finished["run"]) / "metrics.json").read_text())["best"]["policy"]

    def killed(name, stage_name):
        """Kill the run when a step is done for a stage."""
        import quotetune.pipeline.run as pipeline

        step = getattr(pipeline, name)

        def kill(*arguments):
            if arguments[-1].name == stage_name:
                raise Killed
            return step(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(pipeline, name, kill)
            with pytest.raises(Killed):
                tiny_run.run(config)

    killed("complete", "evaluation/round-1/dev/metrics")
    killed("record_stage", "evaluation/base/metrics")  # done, but not in the record
    assert not (tmp_path / "run" / "heldout.jsonl").exists()
    killed("complete", f"evaluation/{best}/metrics")
    assert [look["evaluation"] for look in read_looks(tmp_path / "run")] == ["base"]
    # As if the machine had ended in the middle of a line.
    with (tmp_path / "run" / "heldout.jsonl").open("a") as file:
        file.write('{"when": "2026-')
    tiny_run.run(config)

    def result(run):
        looks = [(look["evaluation"], look["settings"]) for look in read_looks(Path(run))]
        return looks, json.loads((Path(run) / "metrics.json").read_text())

    assert result(config["run"]) == result(finished["run"])


def test_another_setting_adds_to_the_record_and_the_report_shows_it(finished, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished["run"], copy, symlinks=True)
    before = (copy / "heldout.jsonl").read_text()
    changed = {**finished, "run": str(copy)}
    changed["dpo"] = [{**block, "learning_rate": 2e-2} for block in finished["dpo"]]
    tiny_run.run(changed)
    after = (copy / "heldout.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 3  # the base model is the same
    rows = read_page(write_report(copy)).one("section", id="looks").one("tbody").all("tr")
    assert [row.all("td")[1].words for row in rows] == [
        "",
        "",
        "dpo.round-1.learning_rate: 0.01 -> 0.02; dpo.round-2.learning_rate: 0.01 -> 0.02",
    ]
    assert "There are 3 evaluations on the held-out prompts" in (copy / "summary.md").read_text()


def test_development_prompts_leave_the_evaluation_of_the_base_model_done(finished):
    prompts = {**finished["prompts"], "dev_limit": 3}
    config = Config.model_validate({**finished, "prompts": prompts})
    entries = {entry.name: entry for entry in plan(stage_list(config))}
    assert entries["prompts"].todo
    assert entries["evaluation/base/sample"].note == "if prompts gives other files"
    assert entries["evaluation/base/dev/sample"].note == "if prompts gives other files"
    assert entries["evaluation/round-1/metrics"].todo is None


def test_a_run_gets_development_prompts_later_and_keeps_its_held_out_evaluations(
    inputs, tmp_path, capsys
):
    prompts = {key: value for key, value in inputs["prompts"].items() if "dev" not in key}
    plain = {**inputs, "run": str(tmp_path / "run"), "prompts": prompts, "rounds": 1}
    tiny_run.run(plain)
    assert [look["evaluation"] for look in read_looks(tmp_path / "run")] == ["base", "round-1"]
    capsys.readouterr()
    tiny_run.run({**plain, "prompts": inputs["prompts"]})
    lines = capsys.readouterr().err.splitlines()
    done = [line.split()[1] for line in lines if line.startswith("done")]
    assert {"round-1/train", "evaluation/base/metrics", "evaluation/round-1/metrics"} <= set(done)
    assert len(read_looks(tmp_path / "run")) == 2


def test_the_estimate_counts_both_kinds_of_prompts(inputs):
    found = estimate(Config.model_validate(inputs))
    assert (found.heldout_prompts, found.dev_prompts, found.train_prompts) == (4, 5, 12)
    # Held out: best of 4 by the base model, one by the best policy. Development: one by all three.
    assert found.evaluation_tokens == (4 * (4 + 1) + 5 * 3) * 24
    assert found.lines()[0] == "prompts: 12 to train on, 4 held out, 5 for development"


def test_a_run_without_development_prompts_has_the_stages_and_settings_of_before(inputs):
    prompts = {key: value for key, value in inputs["prompts"].items() if "dev" not in key}
    stages = stage_list(Config.model_validate({**inputs, "prompts": prompts}))
    assert not [stage.name for stage in stages if "dev" in stage.name.split("/")]
    assert not [key for stage in stages for key in stage.settings if "dev_" in key]
    places = {path for stage in stages for path in stage.inputs.values()}
    assert Path(inputs["run"]) / "prompts" / "dev.parquet" not in places
