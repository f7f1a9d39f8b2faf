"""The metrics of a table of samples."""

from quotetune import build_index
from quotetune.evaluation.sample_metrics import evaluate_tables, text_table
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
    assert rows["responses"].metrics["cut"] is None
    found = [length for row in rows["responses"].rows for length in row["quote_lengths"]]
    assert sum(rows["responses"].quote_lengths["counts"]) == len(found)
