"""The table of metrics agrees with the documentation, the config and the printed tables."""

import re
from pathlib import Path

import pytest

from quotetune.measures.responses import mean_metrics
from quotetune.metrics.printing import difference_line, table_cells
from quotetune.metrics.table import AVERAGED, EVALUATED, METRICS, metric_named

ROOT = Path(__file__).parents[2]


def test_the_documentation_lists_exactly_these_metrics():
    text = (ROOT / "docs" / "metrics.md").read_text()
    table = text.partition("| metric | what it is |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    named = [key for row in rows for key in re.findall(r"`(\w+)`", row)]
    assert len(named) == len(set(named))
    assert set(named) == {metric.key for metric in METRICS}


def test_no_two_metrics_have_the_same_key_or_label():
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    assert len({metric.label for metric in METRICS}) == len(METRICS)


def test_a_metric_on_demand_is_a_key_of_the_evaluation():
    from quotetune.config import EvaluationConfig

    wanted = {metric.key for metric in METRICS if metric.measured == "on demand"}
    assert wanted == {"perplexity", "bart_score", "mauve"}
    assert wanted <= set(EvaluationConfig.model_fields)


@pytest.mark.parametrize("metric", AVERAGED, ids=lambda metric: metric.key)
def test_a_response_without_a_number_counts_as_the_documentation_says(metric):
    others = {"quip": 1.0, "on_topic_quip": 0.5}  # of which `on_topic_share` is the quotient
    row = {"numerator": 3, "denominator": 4} | others | {metric.key: 0.5}
    without = {"numerator": 0, "denominator": 1, "quip": None} | dict.fromkeys(others)
    without |= {metric.key: None}
    zero_counts = {"quip", "quip_ignore_prompt", "coverage", "repetition", "length_chars"}
    expected = 0.25 if metric.key in zero_counts else 0.5
    if metric.key == "quip_micro":
        expected = 3 / 5
    assert mean_metrics([row, without])[metric.key] == expected


def test_the_on_topic_share_is_of_the_prompts_that_have_documents():
    quips = [(0.4, 0.2), (0.9, None), (0.4, 0.0), (None, 0.0)]
    rows = [
        {"numerator": 0, "denominator": 1, "quip": quip, "on_topic_quip": own}
        for quip, own in quips
    ]
    assert mean_metrics(rows)["on_topic_share"] == pytest.approx(0.2 / 0.8)
    assert mean_metrics(rows[1:2])["on_topic_share"] is None


def test_tables_have_each_measured_metric_once():
    row = dict.fromkeys(EVALUATED, 0.5)
    shown = [*table_cells({"base": row})[0], *table_cells({"base": row}, further=True)[0]]
    labels = [label for label in shown if label]
    assert sorted(labels) == sorted(metric_named(key).label for key in EVALUATED)


def test_a_difference_is_written_only_if_it_has_an_interval():
    base = {"quip": 0.1, "rouge_l": 0.2, "length_chars": 300.0, "mauve": 0.5}
    row = {"quip": 0.25, "rouge_l": 0.1, "length_chars": 250.4, "mauve": 0.6}
    intervals = {"quip": None, "rouge_l": [-0.2, 0.05], "length_chars": [-60.4, -40.0]}
    assert difference_line(row, base, intervals) == (
        "ROUGE-L −10.0 points (−20.0 to +5.0), characters −50 (−60 to −40)"
    )
