"""Prompts that lack what candidates are ranked by, or policies are measured by, are found."""

import json
from pathlib import Path
from typing import Any

import pytest

import tiny_run
from quotetune.config import Config
from quotetune.pipeline.preflight import check_inputs
from quotetune.prompts.split import position


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    return tiny_run.write_inputs(tmp_path)


def problems(content: dict[str, Any], **blocks: dict[str, Any]) -> list[str]:
    return list(map(str, check_inputs(Config.model_validate({**content, **blocks}))))


def test_prompts_have_what_the_best_policy_is_chosen_by(content: dict[str, Any]) -> None:
    file = Path(content["prompts"]["path"])
    rows = [json.loads(line) | {"answers": ["x"]} for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for field, criterion, words in (
        ("documents", "on_topic_quip", "documents"),
        ("reference", "rouge_l", "a reference"),
        ("answers", "answer_recall", "answers"),
    ):
        assert not problems(content, best={"criterion": criterion})
        bare = [{name: value for name, value in row.items() if name != field} for row in rows]
        file.write_text("".join(json.dumps(row) + "\n" for row in bare))
        [line] = problems(content, best={"criterion": criterion})
        assert line == (
            f"best.criterion: {criterion} needs {words}, which no held-out prompt has: give the"
            f" prompts {words}, or choose another"
        )
        assert not problems(content, best={"criterion": "coverage"})
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_criterion_needs_its_inputs_on_the_development_prompts_too(
    content: dict[str, Any],
) -> None:
    file = Path(content["prompts"]["path"])
    text = file.read_text()
    split = {**content["prompts"], "dev_fraction": 0.2}
    best = {"criterion": "rouge_l"}
    assert not problems(content, best=best, prompts=split)
    rows = [json.loads(line) for line in text.splitlines()]
    # Without the references of all prompts that are not held out.
    bare = [
        row if position(row["prompt"], "heldout") < 0.2 else {**row, "reference": None}
        for row in rows
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in bare))
    assert not problems(content, best=best)
    [line] = problems(content, best=best, prompts=split)
    file.write_text(text)
    assert line.startswith("best.criterion: rouge_l needs a reference, which no development prompt")


def test_a_metric_against_references_needs_references(content: dict[str, Any]) -> None:
    file = Path(content["prompts"]["path"])
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    scored = {"bart_score": {"path": content["model"]["path"]}}
    assert not problems(content, evaluation=scored)
    file.write_text("".join(json.dumps({"prompt": row["prompt"]}) + "\n" for row in rows))
    [line] = problems(content, evaluation=scored)
    assert line.startswith("evaluation.bart_score: bart_score needs a reference, which no held-out")


def test_passages_that_prompts_will_have_are_enough_for_quote_precision(
    content: dict[str, Any],
) -> None:
    best = {"criterion": "quote_precision"}
    [line] = problems(content, best=best)
    assert line.startswith("best.criterion: quote_precision needs passages, which no held-out")
    prompts = {**content["prompts"], "context": {"source": "bm25"}}
    assert not problems(content, best=best, prompts=prompts)


def test_answer_recall_as_a_preference_needs_answers(content: dict[str, Any]) -> None:
    preference = {"answer_recall": {}, "answerability": {}}
    [line] = problems(content, preference=preference)
    assert line == (
        "preference.answer_recall: no prompt has answers: give the prompts answers, or leave it out"
    )
    file = Path(content["prompts"]["path"])
    rows = [json.loads(line) | {"answers": ["x"]} for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert not problems(content, preference=preference)
    [line] = problems(content, preference={"answerability": {"model": {"path": "./nowhere"}}})
    assert line.startswith("preference.answerability.model.path: ")


def test_what_a_constraint_alone_needs_is_named_by_the_key_of_the_constraint(
    content: dict[str, Any],
) -> None:
    file = Path(content["prompts"]["path"])
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    wrong = [row | {"documents": [{"source": "documents", "id": "no such"}]} for row in rows]
    bounds = {name: {"top_share": 0.5} for name in ("on_topic_quip", "answer_recall", "quip")}
    file.write_text("".join(json.dumps(row) + "\n" for row in wrong))
    found = problems(content, pairs={"constraints": bounds})
    assert [line.partition(": ")[0] for line in found] == [
        "pairs.constraints.on_topic_quip",
        "pairs.constraints.answer_recall",
    ]
    assert 'no document "no such"' in found[0] and "no prompt has answers" in found[1]
