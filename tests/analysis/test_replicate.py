"""`quotetune replicate`: what changes with the seed, what is done once, and the table."""

import json
import shutil
import statistics
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from scipy import stats

import tiny_run
from killed_training import Killed, weights
from quotetune.analysis.replicates import (
    configs_of_seeds,
    directory_of_seeds,
    parse_seeds,
    plan_seeds,
    run_seeds,
)
from quotetune.analysis.seed_table import compare_seeds, write_seeds
from quotetune.config import Config
from quotetune.errors import UsageError
from quotetune.pipeline.run import stage_list
from quotetune.runs.stage import MANIFEST

pytestmark = pytest.mark.usefixtures("without_children")
SEEDS = (0, 3)
# What reads no seed but the evaluation's: the split, and the evaluation of the base model.
SHARED = [
    "prompts",
    "evaluation/base/dev/sample",
    "evaluation/base/dev/metrics",
    "evaluation/base/sample",
    "evaluation/base/metrics",
    "evaluation/base/score",
    "evaluation/base/pair",
]


@pytest.fixture(scope="module")
def config(tmp_path_factory, without_children):
    directory = tmp_path_factory.mktemp("seeds")
    changes = {"prompts": {"dev_fraction": 0.2}, "evaluation": {"reward_accuracy": True}}
    content = tiny_run.write_inputs(directory, **changes)
    (directory / "config.yaml").write_text(yaml.safe_dump(content))
    return Config.model_validate(content)


@pytest.fixture(scope="module")
def runs(config):
    """The finished runs by seed."""
    configs = configs_of_seeds(config, SEEDS)
    run_seeds(configs)
    return {one.seed: one.run for one in configs}


def seeds_of(run, directory):
    parts = sorted((run / directory / "samples").glob("part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part)["seed"].to_pylist()]


def test_the_split_and_the_evaluation_are_the_same_and_what_is_trained_is_not(runs):
    first, second = runs.values()
    for name in ("heldout", "dev", "round-1"):
        file = f"prompts/{name}.parquet"
        assert (first / file).read_bytes() == (second / file).read_bytes()
    for evaluation in ("base", "base/dev", "round-1/dev", "round-1"):
        inside = f"evaluation/{evaluation}"
        assert seeds_of(first, inside) == seeds_of(second, inside)
    assert set(seeds_of(first, "round-1")).isdisjoint(seeds_of(second, "round-1"))
    records = [
        json.loads((run / "round-1/adapter/training.json").read_text()) for run in (first, second)
    ]
    assert [record["job"]["seed"] for record in records] == list(SEEDS)
    one, other = (weights(run / "round-1/adapter") for run in (first, second))
    # A starts at random and moves little, so it differs by its start; B starts at 0.
    assert all((one[name] - other[name]).abs().max() > 0.1 for name in one if "lora_A" in name)


def test_what_does_not_depend_on_the_seed_was_done_once(config, runs):
    first, second = configs_of_seeds(config, SEEDS)
    mates = {stage.name: stage for stage in stage_list(first)}
    same = [
        stage.name
        for stage in stage_list(second)
        if (stage.directory / MANIFEST).read_bytes()
        == (mates[stage.name].directory / MANIFEST).read_bytes()
    ]
    assert same == SHARED
    assert all(entry.todo is False for entries in plan_seeds([first, second]) for entry in entries)


def test_the_plan_says_what_is_copied_before_there_is_anything(config, tmp_path):
    configs = configs_of_seeds(config.model_copy(update={"run": tmp_path / "new"}), SEEDS)
    first, second = plan_seeds(configs)
    assert not [entry for entry in first if entry.copied]
    assert [entry.name for entry in second if entry.copied] == SHARED
    assert str(second[0]) == "copied prompts (from seed-0)"
    assert not (tmp_path / "new-seeds").exists()


def test_the_seed_of_the_evaluation_is_that_of_the_config(config):
    changed = config.model_copy(update={"seed": 7})
    first, _ = configs_of_seeds(changed, SEEDS)
    assert (first.seed, first.evaluation_seed) == (0, 7)
    stages = {stage.name: stage.settings for stage in stage_list(first)}
    assert stages["evaluation/base/sample"]["seed"] == 7
    assert stages["round-1/sample"]["seed"] == stages["round-1/train"]["seed"] == 0
    own = config.evaluation.model_copy(update={"seed": 5})
    first, _ = configs_of_seeds(changed.model_copy(update={"evaluation": own}), SEEDS)
    assert first.evaluation_seed == 5


def test_runs_that_are_killed_end_with_the_same_table(config, runs, tmp_path, monkeypatch):
    import quotetune.pipeline.run as pipeline

    killed = config.model_copy(update={"run": tmp_path / config.run.name})
    configs = configs_of_seeds(killed, SEEDS)
    complete = pipeline.complete
    for seed, name in ((0, "round-1/train"), (3, "round-1/pair"), (3, "evaluation/round-1/sample")):
        last = next(one for one in configs if one.seed == seed).run

        def kill(stage, last=last, name=name):
            if stage.name == name and stage.directory.is_relative_to(last):
                raise Killed
            complete(stage)

        with monkeypatch.context() as patch:
            patch.setattr(pipeline, "complete", kill)
            with pytest.raises(Killed):
                run_seeds(configs)
    run_seeds(configs)
    assert compare_seeds({one.seed: one.run for one in configs}) == compare_seeds(runs)


def test_the_table_is_that_of_the_runs_own_numbers(runs):
    content = compare_seeds(runs)
    metrics = [json.loads((run / "metrics.json").read_text()) for run in runs.values()]
    assert [one["metrics"] for one in content["seeds"]] == [one["after"] for one in metrics]
    assert {json.dumps(one["before"]) for one in metrics} == {json.dumps(content["base"])}
    together = content["metrics"]["quip"]
    after = [one["after"]["quip"] for one in metrics]
    before = metrics[0]["before"]["quip"]
    assert together["values"] == after
    assert together["mean"] == pytest.approx(statistics.fmean(after))
    gains = [value - before for value in after]
    expected = stats.t.interval(0.95, 1, loc=statistics.fmean(gains), scale=stats.sem(gains))
    assert together["t_interval"] == pytest.approx(expected)
    low, high = together["bootstrap"]
    assert low <= together["difference"] <= high
    assert content["bootstrap"]["units"] == "prompts"
    assert content["metrics"]["distinct_1"]["bootstrap"] is None


def test_prompts_that_share_a_document_are_drawn_together(runs, tmp_path):
    from quotetune.prompts.prompt import load_prompts, write_prompts

    copies = {}
    for seed, run in runs.items():
        copies[seed] = tmp_path / run.name
        shutil.copytree(run, copies[seed], symlinks=True)
        prompts = load_prompts(run / "prompts" / "heldout.parquet")
        prompts[1] = replace(prompts[1], documents=prompts[0].documents)
        write_prompts(copies[seed] / "prompts" / "heldout.parquet", prompts)
    content = compare_seeds(copies)
    assert (content["bootstrap"]["units"], content["bootstrap"]["drawn"]) == ("documents", 3)
    assert "draws 3 groups of prompts that share no document" in write_seeds(content, tmp_path)


def test_the_command_writes_the_table_of_runs_that_are_done(config, runs, quotetune):
    file = config.prompts.path.parent / "config.yaml"
    code, shown, error = quotetune("replicate", file, "--seeds", "0,3")
    assert code == 0, error
    directory = directory_of_seeds(config.run)
    content = json.loads((directory / "replicate.json").read_text())
    assert content == json.loads(json.dumps(compare_seeds(runs)))
    text = (directory / "replicate.md").read_text()
    assert shown.endswith(f"{text}\n{directory / 'replicate.md'}\n")
    head, _, policy, *lines = [line for line in text.splitlines() if line.startswith("|")]
    assert head.startswith("|  | base | seed 0 | seed 3 | mean | mean - base | 95%, over seeds |")
    assert policy.startswith("| policy | base | round 1 | round 1 |")
    cells = [cell.strip() for cell in lines[0].split("|")]
    quip = content["metrics"]["quip"]
    numbers = (quip["base"], *quip["values"], quip["mean"])
    assert cells[1:6] == ["QUIP", *(f"{number:.1%}" for number in numbers)]
    code, shown, error = quotetune("replicate", file, "--seeds", "0,4", "--dry-run")
    assert code == 0, error
    assert "  done   round-1/train" in shown and "  copied prompts (from seed-0)" in shown
    assert not (directory / "seed-4").exists()


def test_a_metric_that_a_seed_lacks_has_no_mean(runs, tmp_path):
    copies = {seed: tmp_path / run.name for seed, run in runs.items()}
    for seed, run in runs.items():
        shutil.copytree(run, copies[seed], symlinks=True)
    file = copies[3] / "metrics.json"
    metrics = json.loads(file.read_text())
    metrics["after"]["rouge_l"] = None
    file.write_text(json.dumps(metrics))
    content = compare_seeds(copies)
    found = content["metrics"]["rouge_l"]
    assert found["mean"] is found["t_interval"] is found["bootstrap"] is None
    [line] = [one for one in write_seeds(content, tmp_path).splitlines() if "ROUGE-L" in one]
    assert line.count("\N{EN DASH}") == 5


@pytest.mark.parametrize("text", ["", "a", "1", "0,0", "0,-1", "0,1.5"])
def test_seeds_are_two_or_more_different_numbers(text):
    with pytest.raises(UsageError, match="--seeds"):
        parse_seeds(text)


def test_the_clock_of_the_runs_is_one(config, tmp_path):
    configs = configs_of_seeds(config.model_copy(update={"run": tmp_path / "run"}), SEEDS)
    known = Path(configs[1].run) / "clock.json"
    known.parent.mkdir(parents=True)
    known.write_text('{"now": "2026-01-02T03:04:05+00:00"}\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("quotetune.analysis.replicates.run", lambda *_, **__: None)
        run_seeds(configs)
    assert (configs[0].run / "clock.json").read_text() == known.read_text()
