"""The report beyond plain Quote-Tuning: intervals, baselines, preferences and charts."""

import json
import re
import shutil
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_report import plain, table_rows

from finished_run import response_row, write_responses, write_run
from html_page import Element, browsing_data, read_page
from quotetune.corpus.index import Index
from quotetune.report import write_report
from quotetune.report.charts import Bars, Point, axis_ticks, bar_chart, line_chart
from quotetune.report.distributions import length_bins, quip_bins, quip_shares, quotes_per_response
from quotetune.report.pairs_section import pair_tables


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with everything that `metrics.json` can contain."""
    run = write_run(tmp_path_factory.mktemp("rich"), rounds=2)
    metrics = json.loads((run / "metrics.json").read_text())
    base = metrics["before"]
    quoting = {"quip": [0.25, 0.5], "repetition": [-0.1, 0.2], "rouge_l": None}
    metrics["rows"] |= {
        "best_of_n": {**base, "quip": 0.5},
        "according_to": {**base, "false_positive_floor": 0.000015},
        "reference": {**base, "quip": 1.0},
    }
    metrics |= {
        "intervals": {"round-2": quoting, "best_of_n": {"quip": [-0.01, 0.02]}},
        "reward_accuracy": {"round-2": {"pairs": 1234, "accuracy": 0.863, "margin": 0.5}},
        "lm_eval": {
            "before": {"truthfulqa_mc1": {"acc": 0.302}},
            "after": {"truthfulqa_mc1": {"acc": 0.328}},
        },
    }
    (run / "metrics.json").write_text(json.dumps(metrics))
    rows = [response_row(Index.open(run.parent / "index"), "p0", "the quick brown fox")]
    for name in ("best_of_n", "reference"):
        write_responses(run / "evaluation" / "base" / "metrics" / f"{name}.parquet", rows)
    return run


@pytest.fixture(scope="module")
def page(run):
    return read_page(write_report(run))


def cards(page):
    return {card.one("h3").words: card.all("p")[1] for card in page.all("ul")[1].all("li")}


def test_the_rows_are_the_policies_in_order_and_then_the_others(page):
    heading = page.one("section", id="results").all("thead")[0]
    assert [cell.words for cell in heading.all("th")][1:] == [
        *("base", "round 1", "round 2"),
        *("base, best of n", "base, “according to”", "reference"),
    ]


def test_a_difference_is_shown_with_its_interval(run, page):
    metrics = json.loads((run / "metrics.json").read_text())
    difference = 100 * (metrics["after"]["quip"] - metrics["before"]["quip"])
    change = cards(page)["QUIP"]
    assert change.words == f"{difference:+.1f} points, 95% interval +25.0 to +50.0"
    lines = table_rows(page.one("section", id="results").all("table")[0])
    assert lines["QUIP"][3].endswith("(−1.0 to +2.0)")
    assert "to" not in lines["ROUGE-L"][2]


@pytest.mark.parametrize(
    ("direction", "name", "interval", "tone"),
    [
        ("quote", "quip", [0.01, 0.2], "better"),
        ("quote", "quip", [-0.2, -0.01], "worse"),
        ("quote", "quip", [-0.01, 0.2], ""),
        ("quote", "rouge_l", [0.0, 0.2], ""),
        ("quote", "length_chars", [5.0, 9.0], ""),
        ("unquote", "quip", [-0.2, -0.01], "better"),
        ("unquote", "quip", [0.01, 0.2], "worse"),
        ("unquote", "rouge_l", [-0.2, -0.01], "worse"),
    ],
)
def test_a_change_is_called_better_or_worse_only_if_the_interval_excludes_zero(
    tmp_path, direction, name, interval, tone
):
    run = write_run(tmp_path, pairs={"direction": direction})
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["intervals"] = {"round-1": {name: interval}}
    (run / "metrics.json").write_text(json.dumps(metrics))
    changes = cards(read_page(write_report(run)))
    unclear = interval[0] <= 0 <= interval[1]
    label = {"quip": "QUIP", "rouge_l": "ROUGE-L", "length_chars": "characters"}[name]
    assert changes[label].attributes["class"].split() == ["change", *tone.split()]
    assert ("no clear difference" in changes[label].parent.text) == unclear


def test_a_share_too_small_for_one_decimal_is_not_shown_as_zero(page):
    lines = table_rows(page.one("section", id="results").all("table")[0])
    assert lines["false-positive floor"] == ["–", "–", "–", "–", "0.0015%", "–"]


def test_reward_accuracy_and_benchmarks_have_tables(page):
    _, accuracy, ability = page.one("section", id="results").all("table")
    assert table_rows(accuracy) == {"round 2": ["1,234", "86.3%", "0.5"]}
    assert table_rows(ability) == {"truthfulqa_mc1, acc": ["0.3020", "0.3280"]}
    assert [cell.words for cell in ability.one("thead").all("th")] == ["base", "round 2"]


def test_the_best_of_n_and_the_references_can_be_browsed(page):
    data = browsing_data(page)
    assert [row["key"] for row in data["rows"]] == [
        *("base", "round-1", "round-2", "best_of_n", "reference")
    ]
    first, second, _ = data["prompts"]
    assert "".join(map(plain, first["responses"][4]["parts"])) == "the quick brown fox"
    assert second["responses"][3] is None


def test_the_page_explains_each_metric_that_has_a_number(page):
    said = {term.words for term in page.one("section", id="metrics").all("dt")}
    shown = set(table_rows(page.one("section", id="results").all("table")[0]))
    assert said == shown


def test_the_best_round_is_the_tuned_one_and_the_page_says_how_it_was_chosen(tmp_path):
    run = write_run(tmp_path, rounds=2)
    metrics = json.loads((run / "metrics.json").read_text())
    metrics |= {
        "policies": ["round-1", "round-2"],
        "last": "round-2",
        "best": {"policy": "round-1", "criterion": "quip", "value": 0.0863},
        "stopped": "round-2 is no better",
    }
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = read_page(write_report(run))
    (tuned,) = page.one("section", id="results").all("th", class_="tuned")
    assert tuned.words == "round 1"
    assert cards(page)["QUIP"].parent.words.startswith("QUIP 4.6% → 8.6%")
    said = page.one("header").words
    assert "what the tuned model (round 1) writes" in said
    assert "The tuned model is the best of 2 policies by QUIP. The policy was chosen on the" in said
    assert (
        "chosen on the held-out prompts themselves, so its numbers are a little too good." in said
    )
    assert "The run stopped early: round-2 is no better." in said
    assert page.one("section", id="responses").attributes["data-right"] == "1"


def test_an_absorbed_policy_is_shown_between_the_base_model_and_the_rounds(tmp_path):
    run = write_run(tmp_path, absorb={"documents": "prompts"})
    metrics = json.loads((run / "metrics.json").read_text())
    rows = metrics["rows"]
    absorbed = {**rows["base"], "quip": 0.07}
    metrics["rows"] = {"base": rows["base"], "absorbed": absorbed, "round-1": rows["round-1"]}
    metrics["policies"] = ["absorbed", "round-1"]
    (run / "metrics.json").write_text(json.dumps(metrics))
    curves = {
        "policies": ["base", "absorbed", "round-1"],
        "curves": {"kl_to_base": [None, 0.5, 0.75], "pairs": [None, None, 9]},
    }
    (run / "curves.json").write_text(json.dumps(curves))
    page = read_page(write_report(run))
    lines = table_rows(page.one("section", id="results").all("table")[0])
    assert [value[:4] for value in lines["QUIP"]] == ["4.6%", "7.0%", "8.6%"]
    assert cards(page)["QUIP"].parent.words.startswith("QUIP 4.6% → 7.0% → 8.6%")
    assert "the model absorbed the held-out prompts' documents" in page.words
    assert lines["KL to the base model"] == ["–", "0.50", "0.75"]
    assert "pairs" not in lines
    drawn = {
        figure.one("figcaption").words: [circle.text for circle in figure.all("circle")]
        for figure in page.one("section", id="curves").all("figure")
    }
    assert drawn["QUIP"] == ["base: 4.6%", "absorbed: 7.0%", "round 1: 8.6%"]
    assert drawn["KL to the base model"] == ["absorbed: 0.50", "round 1: 0.75"]


def test_if_the_absorbed_policy_is_the_best_the_page_says_so(tmp_path):
    run = write_run(tmp_path, absorb={"documents": "prompts"})
    shutil.copytree(run / "evaluation" / "base", run / "evaluation" / "absorbed")
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["rows"]["absorbed"] = {**metrics["before"], "quip": 0.12}
    metrics |= {
        "policies": ["absorbed", "round-1"],
        "last": "round-1",
        "best": {"policy": "absorbed", "criterion": "quip", "value": 0.12},
    }
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = read_page(write_report(run))
    said = page.one("header").words
    assert "12.0% of what the absorbed model (before any round) writes occurs" in said
    assert "The absorbed model is the best of 2 policies by QUIP" in said
    assert cards(page)["QUIP"].parent.words.startswith("QUIP 4.6% → 12.0%")


def test_a_curve_has_a_band_if_every_difference_has_an_interval(run):
    metrics = json.loads((run / "metrics.json").read_text())
    ends = {"quip": [0.01, 0.06], "rouge_l": [0.0, 0.1]}
    metrics["intervals"] = {"round-2": ends, "round-1": {"quip": [-0.08, 0.03]}}
    content = (run / "metrics.json").read_text()
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = read_page(write_report(run))
    (run / "metrics.json").write_text(content)
    quip, *_ = page.one("section", id="curves").all("figure")
    base, first, last = [circle.text for circle in quip.all("circle")]
    assert first == "round 1: 8.6% (0.0% to 7.6%)"  # no share is below 0
    assert base == "base: 4.6%"
    assert last == "round 2: 12.6% (5.6% to 10.6%)"
    assert len(page.all("polygon")) == 1


def test_pairs_of_a_general_preference_show_win_rates_and_measures():
    side = {"count": 2, "quip": 0.5, "length": 9.0, "cut": 0.0, "win_rate": 0.25, "rarity": 3.456}
    statistics = {
        "prompts": 9,
        "prompts_with_pair": 9,
        "prompts_without_pair": {},
        "pairs": 18,
        "cross_prompt_pairs": 4,
        "preference": {"quip": 0.5, "rarity": 0.5},
        "measures": ["rarity"],
        "samples": side,
        "gold": {**side, "win_rate": 1.0},
        "chosen": {**side, "win_rate": 0.75},
        "rejected": side,
        "margin": {"mean": 0.5, "min": 0.25, "max": 0.75},
    }
    prompts, sides = pair_tables({"round-1": statistics})
    assert ("of these across prompts", ["4"]) in prompts["lines"]
    assert ("margin of win rates", ["0.50"]) in prompts["lines"]
    assert sides["head"] == ["all samples", "gold", "chosen", "rejected"]
    assert ("win rate", ["0.25", "1.00", "0.75", "0.25"]) in sides["lines"]
    assert ("rarity", ["3.46"] * 4) in sides["lines"]
    plain = pair_tables({"round-1": {**statistics, "preference": {"quip": 1.0}}})
    assert not [line for table in plain for line in table["lines"] if "win rate" in line[0]]


numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 6))


@given(numbers, numbers)
def test_ticks_enclose_the_values_at_equal_distances(one, other):
    low, high = min(one, other), max(one, other)
    ticks = axis_ticks(low, high)
    least = 1e-6 * (high - low)
    assert ticks[0] <= low + least
    assert ticks[-1] >= high - least
    steps = [after - before for before, after in pairwise(ticks)]
    assert min(steps) > 0
    assert max(steps) == pytest.approx(min(steps))
    assert len(ticks) <= 7


@given(st.lists(numbers, min_size=1, max_size=30))
def test_a_higher_value_is_drawn_higher_and_all_values_are_inside_the_chart(values):
    chart = read_chart(line_chart("x", [Point(str(v), v) for v in values], str, str))
    heights = [float(circle.attributes["cy"]) for circle in chart.all("circle")]
    assert all(0 <= height <= 230 for height in heights)
    for (one, y), (other, z) in pairwise(sorted(zip(values, heights, strict=True))):
        assert one == other or z <= y


def read_chart(markup) -> Element:
    from html_page import _Reader

    reader = _Reader()
    reader.feed(str(markup))
    return reader.root


def test_bars_are_as_high_as_their_values_say():
    chart = read_chart(bar_chart("x", ["a", "b"], [Bars("s", [1, 2]), Bars("t", [0, 4])], str, "y"))
    heights = [float(bar.attributes["height"]) for bar in chart.all("rect")]
    assert heights == pytest.approx([heights[3] / 4, 0, heights[3] / 2, heights[3]], abs=0.06)
    assert re.sub(r"\s+", " ", chart.all("title")[3].text) == "t, b: 4 y"


@given(st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=1, max_size=20))
def test_every_response_is_in_one_bin_of_quip(percents):
    quips = [None if percent is None else percent / 100 for percent in percents]
    edges = quip_bins(max(percent or 0 for percent in percents) / 100)
    shares = quip_shares(quips, edges)
    for low, high, share in zip(edges, edges[1:], shares, strict=False):
        inside = [
            p
            for p in percents
            if low <= (p or 0) / 100 < high or (p or 0) / 100 == high == edges[-1]
        ]
        assert share == pytest.approx(len(inside) / len(percents))
    assert sum(shares) == pytest.approx(1)


@given(st.lists(st.lists(st.integers(25, 400), max_size=4), min_size=1, max_size=6))
def test_every_quote_is_in_one_bin_of_lengths(lengths):
    edges = length_bins(25, max((n for quotes in lengths for n in quotes), default=0))
    found = quotes_per_response(lengths, edges)
    for low, high, share in zip(edges, edges[1:], found, strict=False):
        inside = [n for quotes in lengths for n in quotes if low <= n < high]
        assert share == pytest.approx(len(inside) / len(lengths))
    assert sum(found) == pytest.approx(sum(map(len, lengths)) / len(lengths))
