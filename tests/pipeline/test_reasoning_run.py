"""A run of a model that thinks: answers are measured, and responses are learned."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import tiny_run
from quotetune import Index
from quotetune.config import Config
from quotetune.pipeline.preflight import read_inputs
from quotetune.sampling.parts import (
    answer_of,
    has_answer,
    read_samples,
    response_tokens,
    token_length,
)

# The chat template opens the thoughts. A random model writes any letter often enough.
REASONING = {"start": "[assistant] ", "end": "b", "max_tokens": 16}


@pytest.fixture(scope="module", params=["plain", "cited"])
def finished(request: Any, tmp_path_factory: Any, without_children: Any) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("thinking")
    changes: dict[str, Any] = {
        "sampling": {"n": 24},
        "preference": {"quip": {}, "length": {"weight": 0.1}},
    }
    if request.param == "cited":
        changes["pairs"] = {"citations": {"most": 1}}
    config = tiny_run.write_inputs(directory, **changes)
    config["model"]["reasoning"] = REASONING
    tiny_run.run(config)
    return config


def table(config: dict[str, Any], *names: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(Path(config["run"]).joinpath(*names)).to_pylist()
    return rows


def test_answers_are_scored_and_ranked(finished: dict[str, Any]) -> None:
    run = Path(finished["run"])
    name = "uncited" if "citations" in finished.get("pairs", {}) else "samples"
    rows = read_samples(run / "round-1" / name).to_pylist()
    assert any(row["answer_char"] for row in rows)
    assert not all(map(has_answer, rows))
    index = Index.open(finished["index"])
    scores = table(finished, "round-1", "scores", "scores.parquet")
    candidates = table(finished, "round-1", "pairs", "candidates.parquet")
    for row, score, candidate in zip(rows, scores, candidates, strict=True):
        answer = answer_of(row)
        quip = index.quip([answer])[0]
        assert score["quip"] == (pytest.approx(quip) if len(answer) >= index.n else None)
        assert candidate["length"] == token_length(row)
        assert (candidate["win_rate"] is None) == (score["quip"] is None)
    statistics = json.loads((run / "round-1" / "pairs" / "pairs.json").read_text())
    missing = sum(not has_answer(row) for row in rows)
    assert statistics["samples"]["no_answer"] == missing
    assert statistics["samples"]["too_short"] >= missing


def test_whole_responses_are_learned(finished: dict[str, Any]) -> None:
    run = Path(finished["run"])
    name = "uncited" if "citations" in finished.get("pairs", {}) else "samples"
    rows = {
        (row["prompt_id"], row["sample"]): row
        for row in read_samples(run / "round-1" / name).to_pylist()
    }
    pairs = table(finished, "round-1", "pairs", "pairs.parquet")
    assert any(pair["chosen_answer_char"] for pair in pairs)
    for pair in pairs:
        for side in ("chosen", "rejected"):
            row = rows[pair["prompt_id"], pair[f"{side}_sample"]]
            assert has_answer(row)
            assert pair[side] == row["response"]
            assert pair[f"{side}_token_ids"] == row["token_ids"]
            assert pair[f"{side}_length"] == token_length(row)


def test_the_evaluation_and_the_report_show_answers(finished: dict[str, Any]) -> None:
    run = Path(finished["run"])
    for policy in ("base", "round-1"):
        rows = table(finished, "evaluation", policy, "metrics", "responses.parquet")
        name = "uncited" if "citations" in finished.get("pairs", {}) else "samples"
        samples = [
            row
            for row in read_samples(run / "evaluation" / policy / name).to_pylist()
            if row["sample"] < max(row["sample"] for row in rows) + 1
        ]
        for row, sample in zip(rows, samples, strict=True):
            assert row["response"] == answer_of(sample)
            assert row["length_tokens"] == token_length(sample)
            assert row["cut"] == (sample["finish_reason"] == "length" or not has_answer(sample))


def test_ids_of_documents_follow_the_answer(finished: dict[str, Any]) -> None:
    if "citations" not in finished.get("pairs", {}):
        assert not (Path(finished["run"]) / "round-1" / "cited").exists()
        return
    for pair in table(finished, "round-1", "cited", "pairs.parquet"):
        if pair["chosen_citations"]:
            assert pair["chosen"].endswith("]")
            ids = len(pair["chosen_token_ids"])
            assert pair["chosen_length"] + pair["chosen_answer_token"] == ids - 1


def test_constrained_ids_follow_whole_responses_that_have_an_answer(
    finished: dict[str, Any],
) -> None:
    directory = Path(finished["run"]) / "evaluation" / "base"
    if "citations" not in finished.get("pairs", {}):
        assert not (directory / "constrained").exists()
        return
    n = Config.model_validate(finished).evaluation_sampling.n
    rows = [row for row in read_samples(directory / "uncited").to_pylist() if row["sample"] < n]
    decoded = read_samples(directory / "constrained").to_pylist()
    assert not all(map(has_answer, rows))
    assert [row["prompt_token_ids"] for row in decoded] == [
        [*row["prompt_token_ids"], *response_tokens(row)] for row in rows if has_answer(row)
    ]
    assert all(row["response"].endswith("]") for row in decoded)


def test_a_template_of_a_model_that_thinks_is_named_in_the_plan(tmp_path: Path) -> None:
    config = tiny_run.write_inputs(tmp_path)
    file = Path(config["model"]["path"]) / "chat_template.jinja"
    file.write_text(file.read_text() + "{# </think> #}")
    [line] = read_inputs(Config.model_validate(config)).notices
    assert line.startswith("model.reasoning: the model's chat template has </think>")
    config["model"]["reasoning"] = {}
    assert read_inputs(Config.model_validate(config)).notices == ()
