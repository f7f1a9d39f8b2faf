"""`quotetune analyze`: QUIP by frequency, and the gain by the number of training prompts."""

import json
import math
import statistics
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as stats
import yaml
from hypothesis import given
from hypothesis import strategies as st

import tiny_run
from quotetune import UsageError, build_index
from quotetune.analysis.data_size import (
    SizeRow,
    fit_of_gain,
    parse_sizes,
    study_data_size,
    write_data_size,
)
from quotetune.analysis.frequency import frequency_curve, pearson, pearson_interval
from quotetune.config import Config
from quotetune.prompts.prompt import Prompt, write_prompts
from quotetune.runs.looks import read_looks

PROMPTS = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 100).map(lambda percent: percent / 100)),
    min_size=1,
    max_size=60,
)


def naive_bins(prompts: list[tuple[int, float]], bins: int) -> list[list[float]]:
    """Return the QUIP of the prompts in each bin, computed for one prompt after the other."""
    logs = [math.log(max(count, 1)) for count, _ in prompts]
    low, high = min(logs), max(logs)
    if low == high:
        return [[quip for _, quip in prompts]]
    edges = [low + (high - low) * i / bins for i in range(bins)]
    found: list[list[float]] = [[] for _ in range(bins)]
    for place, (_, quip) in zip(logs, prompts, strict=True):
        found[max(i for i, edge in enumerate(edges) if place >= edge - 1e-9)].append(quip)
    return found


@given(PROMPTS)
def test_bins_contain_the_prompts_of_their_frequency_with_mean_and_spread(prompts):
    curve = frequency_curve([count for count, _ in prompts], [quip for _, quip in prompts])
    expected = naive_bins(prompts, 12)
    # A count exactly on an inner edge may fall on either side of it.
    if [len(values) for values in expected] != [found.prompts for found in curve.bins]:
        logs = np.log(np.maximum([count for count, _ in prompts], 1))
        edges = np.linspace(logs.min(), logs.max(), 13)[1:-1]
        assert np.abs(logs[:, None] - edges).min() < 1e-9
        return
    for found, values in zip(curve.bins, expected, strict=True):
        if not values:
            assert found.mean is None and found.spread is None
            continue
        assert found.mean == pytest.approx(statistics.fmean(values))
        if len(values) > 1:
            assert found.spread == pytest.approx(statistics.stdev(values))


@given(PROMPTS)
def test_correlations_and_fit_are_those_of_scipy(prompts):
    counts, quip = zip(*prompts, strict=True)
    curve = frequency_curve(counts, quip)
    logs = np.log(np.maximum(counts, 1))
    if np.ptp(logs) == 0:
        assert (curve.slope, curve.r_prompts, curve.r_bins) == (None, None, None)
        return
    fit = stats.linregress(logs, quip)
    assert curve.slope == pytest.approx(fit.slope, abs=1e-9)
    assert curve.intercept == pytest.approx(fit.intercept, abs=1e-9)
    for r, bins in ((curve.r_bins, curve.bins), (curve.r_inner_bins, curve.bins[1:-1])):
        filled = [(found.center, found.mean) for found in bins if found.prompts]
        if len(filled) < 2 or np.ptp([mean for _, mean in filled]) == 0:
            assert r is None
        elif np.ptp([mean for _, mean in filled]) > 1e-6:
            assert r == pytest.approx(stats.pearsonr(*zip(*filled, strict=True))[0], abs=1e-6)
    if np.ptp(quip):
        assert curve.r_prompts == pytest.approx(stats.pearsonr(logs, quip)[0], abs=1e-6)


def test_the_interval_of_r_is_that_of_a_plain_bootstrap():
    rng = np.random.default_rng(3)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)
    drawn = [pearson(x[chosen], y[chosen]) for chosen in rng.integers(40, size=(4000, 40))]
    assert pearson_interval(x, y) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)
    # Draws of one point only have no r.
    assert pearson_interval(np.array([0.1, 1e6]), np.array([0.3, 0.4])) == (1.0, 1.0)


@given(PROMPTS)
def test_the_rarest_tenth_is_the_tenth_of_lowest_count(prompts):
    curve = frequency_curve([count for count, _ in prompts], [quip for _, quip in prompts])
    rarest = sorted(prompts, key=lambda prompt: prompt[0])[: math.ceil(len(prompts) / 10)]
    assert curve.rarest_mean == pytest.approx(statistics.fmean(quip for _, quip in rarest))


TOPICS = {"Rust": 4, "Zig": 1, "Ada": 0}


@pytest.fixture
def run(tmp_path) -> Path:
    """The files that the study reads of a run with evaluations of three prompts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    corpus = ["Rust and Rust.", "Rust, Rust, Zig: all languages."]
    build_index(corpus, tmp_path / "index", n=3)
    run = tmp_path / "run"
    config = {
        "run": "elsewhere",
        "index": str(tmp_path / "index"),
        "model": {"path": "m"},
        "prompts": {"path": "p.jsonl"},
    }
    (run / "prompts").mkdir(parents=True)
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    prompts = [
        Prompt(f"p{i}", text="?", topic=topic, extra={"title": f"{topic}, "})
        for i, topic in enumerate(TOPICS)
    ]
    write_prompts(run / "prompts" / "heldout.parquet", prompts)
    for policy, scores in (("base", [0.2, None, 0.0]), ("round-1", [0.6, 0.2, 0.1])):
        (run / policy / "adapter").mkdir(parents=True)
        (run / policy / "adapter" / "adapter_config.json").write_text("{}")
        # Two responses per prompt; the second quotes 0.2 more. Those of one prompt are too short.
        rows = [
            {
                "prompt_id": f"p{i}",
                "sample": sample,
                "quip": None if q is None else q + 0.2 * sample,
            }
            for i, q in enumerate(scores)
            for sample in (0, 1)
        ]
        directory = run / "evaluation" / policy / "metrics"
        directory.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), directory / "responses.parquet")
    return run


def test_frequency_counts_topics_and_sets_the_policies_side_by_side(run, quotetune):
    (run / "best").symlink_to("round-1/adapter")
    code, shown, error = quotetune("analyze", "frequency", run)
    assert code == 0, error
    content = json.loads((run / "analysis" / "frequency.json").read_text())
    assert [(row["topic"], row["count"]) for row in content["prompts"]] == list(TOPICS.items())
    before = [row["quip_base"] for row in content["prompts"]]
    assert before == pytest.approx([0.3, 0.0, 0.1])
    after = [row["quip_round-1"] for row in content["prompts"]]
    assert after == pytest.approx([0.7, 0.3, 0.2])
    curve = content["policies"]["round-1"]
    assert curve["r_prompts"] == pytest.approx(stats.pearsonr([math.log(4), 0, 0], after)[0])
    assert curve["rarest_mean"] == pytest.approx(0.2)
    assert content["rarest_tenth"] == {"prompts": 1, "largest_count": 0}
    assert "| 0 to 1.1 times | 2 | 5.0% ± 7.1% | 25.0% ± 7.1% |" in shown
    assert "| the rarest tenth (at most 0 times) | 1 | 10.0% | 20.0% |" in shown
    svg = ElementTree.parse(run / "analysis" / "frequency.svg").getroot()
    circles = svg.findall("{*}circle")
    # Per policy: three prompts, two bins that are not empty, and a legend entry.
    assert len(circles) == 2 * (3 + 2 + 1)


def test_whole_words_of_any_index_and_another_metric(run, quotetune, tmp_path):
    build_index(["Rusty Rust. Trust Ada, Ada."], tmp_path / "other", n=3)
    arguments = ("--metric", "quip", "--index", tmp_path / "other", "-o", tmp_path / "study")
    code, _, error = quotetune("analyze", "frequency", run, *arguments)
    assert code == 0, error
    content = json.loads((tmp_path / "study" / "frequency.json").read_text())
    assert [row["count"] for row in content["prompts"]] == [1, 0, 2]
    code, _, error = quotetune("analyze", "frequency", run, "--metric", "rouge_l")
    assert code == 2 and "it has no ROUGE-L" in error
    code, _, error = quotetune("analyze", "frequency", run, "--metric", "distinct_2")
    assert code == 2 and "choose quip, " in error


def test_a_prompt_without_a_number_is_left_out(run, quotetune):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for policy, recalled in (("base", [0.0, None, 1.0]), ("round-1", [1.0, None, 1.0])):
        rows = [
            {"prompt_id": f"p{i}", "sample": 0, "answer_recall": value}
            for i, value in enumerate(recalled)
        ]
        path = run / "evaluation" / policy / "metrics" / "responses.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
    code, shown, error = quotetune("analyze", "frequency", run, "--metric", "answer_recall")
    assert code == 0, error
    content = json.loads((run / "analysis" / "frequency.json").read_text())
    assert [(row["topic"], row["answer_recall_round-1"]) for row in content["prompts"]] == [
        ("Rust", 1.0),
        ("Ada", 1.0),
    ]
    assert "answer recall, base" in shown


def test_topics_may_be_another_column_and_must_be_there(run, quotetune):
    code, _, _ = quotetune("analyze", "frequency", run, "--topic", "title", "-o", run / "t")
    assert code == 0
    content = json.loads((run / "t" / "frequency.json").read_text())
    assert [row["count"] for row in content["prompts"]] == [2, 0, 0]
    code, _, error = quotetune("analyze", "frequency", run, "--topic", "subject")
    assert code == 2 and "prompt p0: no subject" in error and "(topic, id, title)" in error


def test_one_prompt_is_a_study_without_correlations(run, quotetune):
    write_prompts(run / "prompts" / "heldout.parquet", [Prompt("p0", text="?", topic="Rust")])
    code, _, error = quotetune("analyze", "frequency", run)
    assert code == 0, error
    curve = json.loads((run / "analysis" / "frequency.json").read_text())["policies"]["base"]
    assert curve["r_prompts"] is curve["r_bins"] is curve["slope"] is None


def test_a_run_that_was_not_evaluated_is_refused(run, quotetune):
    (run / "evaluation" / "round-1" / "metrics" / "responses.parquet").unlink()
    code, _, error = quotetune("analyze", "frequency", run)
    assert code == 2 and "evaluate the policy first" in error
    (run / "prompts" / "heldout.parquet").unlink()
    code, _, error = quotetune("analyze", "frequency", run, "--policy", "base")
    assert code == 2 and f"{run}: no held-out prompts yet" in error


@pytest.mark.parametrize("text", ["", "a", "0,5", "5,5", "1.5"])
def test_sizes_are_different_whole_numbers(text):
    with pytest.raises(UsageError, match="--prompts"):
        parse_sizes(text)


def test_the_gain_is_fitted_on_the_logarithm_of_the_prompts():
    gains = {10: 0.01, 30: 0.03, 100: 0.02, 400: 0.08}
    rows = [
        SizeRow(size, 5, 0.1, 0.1 + gain, "round-1", None, None) for size, gain in gains.items()
    ]
    fit = stats.linregress([math.log(size) for size in gains], list(gains.values()))
    assert fit_of_gain(rows) == pytest.approx((fit.intercept, fit.slope))
    assert fit_of_gain(rows[:1]) is None


def test_the_table_of_sizes_has_the_interval_of_the_run(tmp_path):
    rows = [
        SizeRow(50, 40, 0.04, 0.05, "round-1", -0.01, 0.03),
        SizeRow(100, 90, 0.04, 0.09, "round-2", None, None),
    ]
    table = write_data_size(rows, tmp_path)
    assert "| 50 | 40 | 4.0% | 5.0% | +1.0% | -1.0% to +3.0% | round 1 |" in table
    assert "| 100 | 90 | 4.0% | 9.0% | +5.0% | - | round 2 |" in table
    content = json.loads((tmp_path / "data-size.json").read_text())
    assert [run["gain"] for run in content["runs"]] == pytest.approx([0.01, 0.05])
    ElementTree.parse(tmp_path / "data-size.svg")


def test_each_size_is_a_separate_run_that_differs_only_in_its_prompts(tmp_path, monkeypatch):
    """The pipeline does not run here; each run only gets the files of a finished one."""
    config = tiny_run.write_inputs(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    done: list[Config] = []

    def finish(sized: Config, until: str | None = None, others: Sequence[Config] = ()) -> None:
        assert until is None  # a run without development prompts goes through to its report
        assert list(others) == done
        (sized.run / "round-1" / "pairs").mkdir(parents=True)
        (sized.run / "round-1" / "pairs" / "pairs.json").write_text('{"pairs": 7}')
        quip = 0.1 + sized.prompts.train_limit / 1000
        metrics = {
            "before": {"quip": 0.1},
            "after": {"quip": quip},
            "best": {"policy": "round-1"},
            "intervals": {"round-1": {"quip": [-0.1, 0.2]}, "round-2": {"quip": [0.5, 0.6]}},
        }
        (sized.run / "metrics.json").write_text(json.dumps(metrics))
        done.append(sized)

    monkeypatch.setattr("quotetune.pipeline.run.run", finish)
    rows = study_data_size(tmp_path / "config.yaml", [5, 20], tmp_path / "study", ["seed=3"])
    assert [(row.prompts, row.pairs, round(row.gain, 6)) for row in rows] == [
        (5, 7, 0.005),
        (20, 7, 0.02),
    ]
    assert {(row.policy, row.low, row.high) for row in rows} == {("round-1", -0.1, 0.2)}
    first, second = (sized.model_dump() for sized in done)
    assert first.pop("run") == tmp_path / "study" / "prompts-5"
    assert second.pop("run") == tmp_path / "study" / "prompts-20"
    assert first["prompts"].pop("train_limit") == 5
    assert second["prompts"].pop("train_limit") == 20
    assert first == second and first["seed"] == 3
    with pytest.raises(UsageError, match=r"--prompts 50: there are only [0-9]+ training prompts"):
        study_data_size(tmp_path / "config.yaml", [5, 50], tmp_path / "study")


def test_a_study_without_its_run_is_a_usage_error(quotetune):
    for study in ("frequency", "data-size"):
        code, shown, error = quotetune("analyze", study)
        assert (code, shown) == (2, "")
        assert "Missing argument" in error


@pytest.mark.usefixtures("without_children")
def test_a_study_with_development_prompts_asks_no_held_out_prompt(tmp_path):
    split = {"dev_fraction": 0.2, "train_limit": 6}
    config = tiny_run.write_inputs(tmp_path, rounds=2, prompts=split)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    rows = study_data_size(tmp_path / "config.yaml", [5, 8], tmp_path / "study")
    for row in rows:
        run = tmp_path / "study" / f"prompts-{row.prompts}"
        dev = {
            name: json.loads((run / f"evaluation/{name}/dev/metrics/metrics.json").read_text())
            for name in ("base", "round-1", "round-2")
        }
        quip = {name: content["metrics"]["quip"] for name, content in dev.items()}
        assert (row.before, row.after) == (quip["base"], max(quip["round-1"], quip["round-2"]))
        assert row.policy == max(("round-1", "round-2"), key=quip.__getitem__)
        assert {path.name for path in run.glob("evaluation/*/*")} == {"dev"}
        assert not (run / "heldout.jsonl").exists()
    # The second run takes the base model's evaluation from the first one.
    one, other = (
        (tmp_path / "study" / f"prompts-{row.prompts}/evaluation/base/dev/metrics/stage.json")
        for row in rows
    )
    assert one.read_bytes() == other.read_bytes()
    # The run that is chosen goes on from there, and looks at them once.
    tiny_run.run(yaml.safe_load((run / "config.yaml").read_text()))
    assert [look["evaluation"] for look in read_looks(run)] == ["base", row.policy]
    assert (run / "report.html").exists()
