"""A run that samples under the guide: its stages, its rows, and what stays unguided."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

import tiny_run
from quotetune.config import Config
from quotetune.config.validation import load_config
from quotetune.errors import UsageError
from quotetune.sampling.parts import read_samples

GUIDE = {"strength": [0, 40], "min_chars": 1, "max_chars": 4, "candidates": 90}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: Any, without_children: Any) -> dict[str, Any]:
    config = tiny_run.write_inputs(
        tmp_path_factory.mktemp("guided"),
        sampling={"n": 2, "guide": GUIDE | {"documents": {"retrieved": 2}}},
        evaluation={
            "sampling": {"guide": GUIDE | {"strength": 40}},
            "reward_accuracy": True,
            "best_of_n": 2,
        },
        drift={},
    )
    tiny_run.run(config)
    return config


def mean_quip(rows: list[dict[str, Any]]) -> float:
    return sum(row["quip"] or 0.0 for row in rows) / len(rows)


def test_both_strengths_are_scored_and_paired(finished: dict[str, Any]) -> None:
    root = Path(finished["run"]) / "round-1"
    samples = read_samples(root / "samples").to_pylist()
    assert [row["guide_strength"] for row in samples[:4]] == [0, 0, 40, 40]
    scores = pq.read_table(root / "scores" / "scores.parquet").to_pylist()
    scored: dict[float, list[dict[str, Any]]] = {}
    for sample, score in zip(samples, scores, strict=True):
        scored.setdefault(sample["guide_strength"], []).append(score)
    assert mean_quip(scored[40]) > mean_quip(scored[0])
    strengths = {(row["prompt_id"], row["sample"]): row["guide_strength"] for row in samples}
    pairs = pq.read_table(root / "pairs" / "pairs.parquet").to_pylist()
    chosen = {strengths[pair["prompt_id"], pair["chosen_sample"]] for pair in pairs}
    assert 40 in chosen


def test_drift_and_reward_accuracy_are_measured_without_a_guide(finished: dict[str, Any]) -> None:
    evaluation = Path(finished["run"]) / "evaluation"
    for policy in ("base", "round-1"):
        guided = read_samples(evaluation / policy / "samples").to_pylist()
        assert {row["guide_strength"] for row in guided} == {40}
        free = read_samples(evaluation / policy / "unguided")
        assert "guide_strength" not in free.column_names
    scores = pq.read_table(evaluation / "base" / "scores" / "scores.parquet").num_rows
    assert scores == len(read_samples(evaluation / "base" / "unguided"))
    assert (evaluation / "round-1" / "drift" / "drift.json").exists()


def test_the_evaluation_has_a_guide_only_if_it_says_so(finished: dict[str, Any]) -> None:
    config = Config.model_validate(finished | {"evaluation": {}})
    assert config.sampling.guide is not None
    assert config.evaluation_sampling.guide is None


def test_a_list_of_strengths_is_for_training(finished: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(finished | {"evaluation": {"sampling": {"guide": GUIDE}}}))
    with pytest.raises(UsageError, match=r"evaluation\.sampling\.guide\.strength: is a list"):
        load_config(path)
