"""The metrics of a table of samples."""

import pyarrow.parquet as pq
import pytest

from quotetune import build_index
from quotetune.evaluation.sample_metrics import (
    EvaluatedSamples,
    evaluate_tables,
    text_table,
    write_evaluation,
)
from quotetune.measures.scoring_models import ScoringModels
from quotetune.prompts.prompt import Prompt

FOX = "The quick brown fox jumps over the lazy dog near the river bank."
RESPONSES = [
    "the quick brown fox jumps over a persistent body of dense ice",
    "dense ice that moves under its own weight, says the lazy dog near",
]


def test_references_are_a_row_that_is_not_compared_with_itself(tmp_path):
    index = build_index([FOX], tmp_path / "index", n=8)
    prompts = [Prompt("fox", text="Fox?", reference=FOX), Prompt("ice", text="Ice?")]
    tables = {
        "responses": text_table([("fox", 0, RESPONSES[0]), ("ice", 0, RESPONSES[1])]),
        "reference": text_table([("fox", 0, FOX)]),
    }
    rows = evaluate_tables(prompts, tables, index, ScoringModels(), tmp_path)
    assert rows["reference"].metrics["quip"] == 1.0
    assert rows["reference"].metrics["rouge_l"] is None
    assert rows["responses"].metrics["rouge_l"] > 0
    assert rows["responses"].metrics["answer_recall"] is None
    assert rows["responses"].metrics["quote_precision"] is None
    assert rows["responses"].metrics["cut"] is None
    found = [length for row in rows["responses"].rows for length in row["quote_lengths"]]
    assert sum(rows["responses"].quote_lengths["counts"]) == len(found)


def test_the_rows_of_many_responses_are_in_groups_that_are_read_alone(tmp_path):
    rows = [{"prompt_id": str(at), "response": f"text {at}", "quip": 0.5} for at in range(3000)]
    write_evaluation(tmp_path, {"responses": EvaluatedSamples({}, None, rows)}, 3000)
    file = pq.ParquetFile(tmp_path / "responses.parquet")
    groups = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    assert sum(groups) == 3000 and max(groups) <= 1024
    assert file.read().column("response").to_pylist() == [row["response"] for row in rows]


def test_answers_and_passages_are_measured_over_the_prompts_that_have_them(tmp_path):
    index = build_index([FOX], tmp_path / "index", n=8)
    passage = "dense ice that moves slowly"
    prompts = [
        Prompt("fox", text="?", answers=["the brown fox", "jumps over"], reference="A fox jumps."),
        Prompt("ice", text="?", answers=["a lake"], passages=[passage]),
        Prompt("none", text="?", answers=[]),
    ]
    texts = [("fox", 0, RESPONSES[0]), ("ice", 0, RESPONSES[1]), ("none", 0, "Jumps over.")]
    tables = {
        "responses": text_table(texts),
        "reference": text_table([("fox", 0, "A fox jumps.")]),
    }
    rows = evaluate_tables(prompts, tables, index, ScoringModels(), tmp_path)
    metrics = rows["responses"].metrics
    assert [row["answer_recall"] for row in rows["responses"].rows] == [1.0, 0.0, None]
    assert metrics["answer_recall"] == 0.5
    # 2 of 12 words without the article; no word of "lake".
    assert metrics["answer_f1"] == pytest.approx((2 * 2 / (2 + 10)) / 2)
    grams = [RESPONSES[1][i : i + 8] for i in range(len(RESPONSES[1]) - 7)]
    assert metrics["quote_precision"] == pytest.approx(
        sum(gram in passage for gram in grams) / len(grams)
    )
    assert rows["reference"].metrics["answer_recall"] == 0.0
