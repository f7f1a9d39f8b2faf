"""A run with all baselines: each is what it says, and a row of the table."""

import json
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq
import pytest

import tiny_run
from measured_run import run_config
from quotetune.config import Config, GuideConfig
from quotetune.metrics.row_names import BEST_ON_TOPIC, FROM_PASSAGES, Baseline
from quotetune.prompts.prompt import load_prompts
from quotetune.sampling.parts import read_samples
from quotetune.stages import all_stages

ALL = list(get_args(Baseline))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: Any, without_children: Any) -> dict[str, Any]:
    config = tiny_run.write_inputs(
        tmp_path_factory.mktemp("baselines"),
        prompts={"context": {"max_chars": 40}},
        evaluation={"best_of_n": "training", "baselines": ALL},
    )
    tiny_run.run(config)
    return config


def responses(run: Path, name: str, row: str = "responses") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]]
    rows = pq.read_table(run / "evaluation" / name / "metrics" / f"{row}.parquet").to_pylist()
    return rows


def test_every_baseline_is_a_row_with_an_interval(finished: dict[str, Any]) -> None:
    metrics = json.loads((Path(finished["run"]) / "metrics.json").read_text())
    assert list(metrics["rows"]) == [
        *("base", "round-1", "best_of_n", BEST_ON_TOPIC, "reference"),
        *ALL,
    ]
    assert set(metrics["intervals"]) == set(metrics["rows"]) - {"base"}
    assert (Path(finished["run"]) / "report.html").exists()


def test_the_best_of_n_are_the_maxima_of_as_many_samples_as_training_draws(
    finished: dict[str, Any],
) -> None:
    from quotetune import Index

    run = Path(finished["run"])
    assert finished["sampling"]["n"] == 4
    index = Index.open(finished["index"])
    prompts = {prompt.id: prompt for prompt in load_prompts(run / "prompts" / "heldout.parquet")}
    drawn: dict[str, list[str]] = {}
    for row in read_samples(run / "evaluation" / "base" / "samples").to_pylist():
        drawn.setdefault(row["prompt_id"], []).append(row["response"])
    assert {len(texts) for texts in drawn.values()} == {4}
    quip = {row["prompt_id"]: row["quip"] for row in responses(run, "base", "best_of_n")}
    on_topic = {
        row["prompt_id"]: row["on_topic_quip"] for row in responses(run, "base", BEST_ON_TOPIC)
    }
    for name, texts in drawn.items():
        own = [prompts[name].documents] * len(texts)
        assert quip[name] == max(index.quip(texts))
        assert on_topic[name] == max(index.quip(texts, documents=own))


def test_the_passages_are_copied(finished: dict[str, Any]) -> None:
    run = Path(finished["run"])
    prompts = {prompt.id: prompt for prompt in load_prompts(run / "prompts" / "heldout.parquet")}
    content = json.loads((run / "evaluation" / "round-1" / "metrics" / "metrics.json").read_text())
    chars = round(content["metrics"]["length_chars"])
    for name in FROM_PASSAGES:
        for row in responses(run, name):
            [passage] = prompts[row["prompt_id"]].passages or []
            shown = passage[:chars] if name == "passage_start" else passage
            assert row["response"] == shown
            assert row["quote_precision"] == 1.0


def test_the_guided_baseline_is_drawn_with_the_guide(finished: dict[str, Any]) -> None:
    samples = read_samples(Path(finished["run"]) / "evaluation" / "guided" / "samples")
    assert set(samples["guide_strength"].to_pylist()) == {4.0}


def test_sft_learns_from_the_chosen_sides_in_as_many_steps(finished: dict[str, Any]) -> None:
    run = Path(finished["run"])
    records = [
        json.loads((run / policy / "adapter" / "training.json").read_text())
        for policy in ("round-1", "sft")
    ]
    tuned, sft = records
    assert sft["steps"] == tuned["steps"]
    assert sft["pairs"] == tuned["pairs"]
    assert sft["dpo"]["loss_type"] == ["sft"]
    # The loss of SFT is that of language modelling: about ln(vocabulary) for a random model.
    assert sft["history"][0]["loss"] > 2 > tuned["history"][0]["loss"]
    assert "supervised fine-tuning" in (run / "sft" / "adapter" / "README.md").read_text()


def test_each_sampled_baseline_changes_one_thing(tmp_path: Path) -> None:
    config = run_config(
        tmp_path,
        baselines=["temperature_0", "temperature_0.3", "guided"],
        sampling={"n": 4, "temperature": 0.7},
    )
    stages = {stage.name: stage for stage in all_stages(config)}
    base = dict(stages["evaluation/base/sample"].settings)

    def changed(name: str, stages: Any = stages) -> dict[str, Any]:
        settings = stages[f"evaluation/{name}/sample"].settings
        return {key: value for key, value in settings.items() if base.get(key) != value}

    assert changed("temperature_0") == {"sampling.temperature": 0.0, "sampling.n": 1}
    assert changed("temperature_0.3") == {"sampling.temperature": 0.3}
    assert changed("guided") == {"sampling.guide": GuideConfig().model_dump()}
    content = config.model_dump()
    content["evaluation"] |= {"sampling": {"guide": {"strength": 8}}, "baselines": ["unguided"]}
    guided = {stage.name: stage for stage in all_stages(Config.model_validate(content))}
    with_guide = dict(guided["evaluation/base/sample"].settings)
    assert with_guide.pop("sampling.guide") == GuideConfig(strength=8).model_dump()
    assert dict(guided["evaluation/unguided/sample"].settings) == with_guide
    content = config.model_dump()
    content["prompts"]["context"] = {}
    grounded = {stage.name: stage for stage in all_stages(Config.model_validate(content))}
    guide = changed("guided", grounded)["sampling.guide"]
    assert guide == GuideConfig(documents="prompt").model_dump()


def test_the_start_of_the_passages_has_the_length_of_the_best_policys_answers(
    tmp_path: Path,
) -> None:
    config = run_config(tmp_path, baselines=["passage_start"]).model_dump()
    config |= {"rounds": 2}
    config["prompts"]["context"] = {}
    copies = [
        stage
        for stage in all_stages(Config.model_validate(config))
        if stage.name == "evaluation/passage_start/copy"
    ]
    assert [stage.skip and stage.skip.condition for stage in copies] == [
        f"if {policy} is the best policy" for policy in ("round-1", "round-2")
    ]
    assert [str(stage.inputs["the metrics of the best policy"]) for stage in copies] == [
        str(tmp_path / "run" / "evaluation" / policy / "metrics")
        for policy in ("round-1", "round-2")
    ]
