"""Several rounds: pairs of earlier ones mixed in, the best one, early stop, and the curves."""

import json
import math
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.config import Config
from quotetune.config.rounds import BestConfig
from quotetune.errors import UsageError
from quotetune.measures.drift import kl_to_base
from quotetune.metrics.table import EVALUATED
from quotetune.pairing.replay import mix_pairs, replayed_rows
from quotetune.pipeline.run import plan, stage_list
from quotetune.pipeline.run import run as run_pipeline
from quotetune.runs.best import best_policy, stops_after
from quotetune.runs.best_link import link_best, restore_best
from quotetune.runs.curves import collect_curves, write_curves
from quotetune.runs.layout import Layout
from quotetune.runs.stopping import evaluated, stop_reason
from quotetune.stages.tuned import lm_eval_before_and_after

values = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=6)


def write_pairs(path, prompt_ids):
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"prompt_id": prompt_ids, "tokens": [[1]] * len(prompt_ids)}), path)
    return path


@pytest.mark.parametrize("counts", [(10, 20, 40), (3, 1, 7), (1, 1, 1)])
def test_a_round_learns_the_stated_shares_of_the_pairs_of_the_rounds_before(tmp_path, counts):
    names = [[f"{number}-{i // 2}" for i in range(count)] for number, count in enumerate(counts)]
    files = [write_pairs(tmp_path / str(i) / "p.parquet", ids) for i, ids in enumerate(names)]
    output = tmp_path / "out"
    told = mix_pairs(files[2], {1: files[0], 2: files[1]}, [0.3, 0.15], output, seed=0)
    rows = pq.read_table(output / "pairs.parquet").to_pylist()
    expected = {3: counts[2], 2: math.floor(0.3 * counts[1] + 0.5)}
    expected[1] = math.floor(0.15 * counts[0] + 0.5)
    for number, count in expected.items():
        of_round = [row for row in rows if row["round"] == number]
        assert len(of_round) == count == told[f"round-{number}"]
        assert {row["prompt_id"] for row in of_round} <= set(names[number - 1])
    assert len(rows) == sum(expected.values())
    assert json.loads((output / "replay.json").read_text()) == told


def test_shares_for_rounds_that_do_not_exist_are_ignored(tmp_path):
    files = [write_pairs(tmp_path / name / "p.parquet", ["a", "b"]) for name in ("one", "two")]
    told = mix_pairs(files[1], {1: files[0]}, [0.5, 0.5], tmp_path / "out", seed=0)
    assert told == {"round-2": 2, "round-1": 1}


def test_replay_is_chosen_by_prompt_seed_and_round_and_a_larger_share_only_adds():
    ids = [str(i) for i in range(200)]
    chosen = {share: set(replayed_rows(ids, share, seed=0, number=2)) for share in (0.1, 0.3, 1.0)}
    assert chosen[0.1] < chosen[0.3] < chosen[1.0] == set(range(200))
    assert set(replayed_rows(ids, 0.3, seed=1, number=2)) != chosen[0.3]
    assert set(replayed_rows(ids, 0.3, seed=0, number=3)) != chosen[0.3]
    turned = replayed_rows(ids[::-1], 0.3, seed=0, number=2)
    assert {199 - position for position in turned} == chosen[0.3]


@given(values, st.sampled_from(["higher", "lower"]))
def test_the_best_policy_is_the_first_that_none_surpasses(column, prefer):
    named = {f"round-{i}": value for i, value in enumerate(column)}
    known = [value for value in column if value is not None]
    best = best_policy(named, prefer)
    if known:
        assert named[best] == (max(known) if prefer == "higher" else min(known))
        assert best == f"round-{column.index(named[best])}"
    else:
        assert best == "round-0"


@given(values, st.sampled_from([1, -1]))
def test_a_run_stops_after_the_first_round_that_is_no_better_than_all_before(column, sign):
    named = {str(i): value for i, value in enumerate(column)}
    scores = [-math.inf if value is None else sign * value for value in column]
    stops = [i for i in range(1, len(scores)) if scores[i] <= max(scores[:i])]
    expected = str(stops[0]) if stops else None
    assert stops_after(named, "higher" if sign > 0 else "lower") == expected


def test_best_is_a_link_that_moves_with_its_run(tmp_path):
    for number in (1, 2):
        (tmp_path / "run" / f"round-{number}" / "adapter").mkdir(parents=True)
        link_best(tmp_path / "run", tmp_path / "run" / f"round-{number}" / "adapter")
    (tmp_path / "run").rename(tmp_path / "moved")
    best = tmp_path / "moved" / "best"
    assert best.resolve() == tmp_path / "moved" / "round-2" / "adapter"
    assert sorted(path.name for path in best.parent.iterdir()) == ["best", "round-1", "round-2"]


def test_a_copy_that_followed_the_link_gets_its_link_back(tmp_path):
    run = tmp_path / "run"
    for number in (1, 2):
        adapter = run / f"round-{number}" / "adapter"
        adapter.mkdir(parents=True)
        (adapter / "training.json").write_text(json.dumps({"loss": number}))
    link_best(run, run / "round-1" / "adapter")
    shutil.copytree(run, tmp_path / "copy")
    copied = tmp_path / "copy" / "best"
    assert not copied.is_symlink()
    restore_best(tmp_path / "copy")
    assert copied.is_symlink()
    assert copied.resolve() == tmp_path / "copy" / "round-1" / "adapter"


def test_another_directory_in_the_place_of_the_link_is_refused_before_any_work(tmp_path):
    config = run_of(tmp_path, [])
    adapter, best = config.run / "round-1" / "adapter", config.run / "best"
    for directory in (adapter, best):
        directory.mkdir(parents=True)
        (directory / "training.json").write_text(directory.name)
    for refused in (lambda: link_best(config.run, adapter), lambda: run_pipeline(config)):
        with pytest.raises(UsageError, match=r"run/best: is a directory .*: remove it"):
            refused()
    assert (best / "training.json").read_text() == "best"
    assert not (config.run / "config.yaml").exists()


LOWER = {"perplexity", "repetition", "cut", "false_positive_floor"}
OF_QUOTES = {"coverage", "longest_quote", "documents_quoted"}
OF_QUOTES |= {"quip", "quip_micro", "on_topic_quip", "quip_ignore_prompt", "quote_precision"}
OF_QUOTES |= {"on_topic_share"}


@pytest.mark.parametrize("criterion", EVALUATED)
def test_the_better_value_is_the_usual_one_of_its_criterion(criterion):
    usual = "lower" if criterion in LOWER else "higher"
    best = BestConfig(criterion=criterion)
    assert best.preferred("quote") == usual
    assert best.preferred("unquote") == ("lower" if criterion in OF_QUOTES else usual)
    stated = BestConfig(criterion=criterion, prefer="lower")
    assert stated.preferred("quote") == stated.preferred("unquote") == "lower"


def run_of(directory, values, **changes):
    """A config of three rounds, and the evaluations of its first policies."""
    criterion = changes.get("best", {}).get("criterion", "quip")
    for name, value in zip(["base", "absorbed", "round-1", "round-2"], values, strict=False):
        metrics = directory / "run" / "evaluation" / name / "metrics"
        metrics.mkdir(parents=True)
        content = {"prompts": 4, "metrics": {criterion: value, "rouge_l": None}, "best_of_n": None}
        (metrics / "metrics.json").write_text(json.dumps(content))
    return Config.model_validate(
        {
            "run": directory / "run",
            "index": "index",
            "model": {"path": "model"},
            "prompts": {"path": "prompts.jsonl"},
            "rounds": 3,
            "absorb": {},
            "early_stop": True,
            **changes,
        }
    )


def test_rounds_after_one_that_did_not_help_are_shown_as_never_run(tmp_path):
    config = run_of(tmp_path, [0.1, 0.2, 0.3, 0.3])
    layout = Layout(config)
    assert stop_reason(layout, 2) is None
    reason = "round-2 did not improve quip: absorbed 0.2, round-1 0.3, round-2 0.3"
    assert stop_reason(layout, 3) == reason
    assert evaluated(layout) == ["base", "absorbed", "round-1", "round-2"]
    entries = {entry.name: entry for entry in plan(stage_list(config)[-6:])}
    assert str(entries["round-3/train"]) == f"never  round-3/train ({reason})"
    assert all(entry.never for entry in entries.values())


@pytest.mark.parametrize(
    "changes", [{"pairs": {"direction": "unquote"}}, {"best": {"criterion": "perplexity"}}]
)
def test_a_run_to_lower_a_criterion_stops_after_a_round_that_does_not(tmp_path, changes):
    config = run_of(tmp_path, [0.5, 0.3, 0.2, 0.4], **changes)
    assert stop_reason(Layout(config), 2) is None
    assert stop_reason(Layout(config), 3).startswith("round-2 did not improve")


def test_a_round_waits_for_the_evaluation_that_decides_whether_it_is_run(tmp_path):
    config = run_of(tmp_path, [0.1, 0.2, 0.3])
    entries = {entry.name: entry for entry in plan(stage_list(config))}
    assert entries["round-2/sample"].todo is None
    assert "is better than before" in entries["round-3/train"].note
    assert evaluated(Layout(config)) == ["base", "absorbed", "round-1"]


def test_benchmarks_are_of_the_best_policy_which_is_not_known_before_the_end(tmp_path):
    def reasons(config):
        stages = {stage.name: stage.skip for stage in lm_eval_before_and_after(Layout(config))}
        return {name.split("/")[1]: skip and skip.reason() for name, skip in stages.items()}

    wanted = {"evaluation": {"lm_eval": {"tasks": ["x"]}}}
    config = run_of(tmp_path / "new", [], **wanted)
    assert not any(reasons(config).values())
    notes = {entry.name: entry.note for entry in plan(stage_list(config))}
    assert notes["evaluation/round-2/lm_eval"] == "if round-2 is the best policy"
    assert reasons(run_of(tmp_path / "stopped", [0.1, 0.2, 0.3, 0.25], **wanted)) == {
        **dict.fromkeys(["absorbed", "round-2", "round-3"], "round-1 is the best policy"),
        **dict.fromkeys(["base", "round-1"]),
    }
    single = run_of(tmp_path / "single", [], absorb=None, rounds=1, early_stop=False, **wanted)
    assert [(stage.name, stage.skip) for stage in lm_eval_before_and_after(Layout(single))] == [
        ("evaluation/base/lm_eval", None),
        ("evaluation/round-1/lm_eval", None),
    ]


def test_without_early_stop_every_round_is_run(tmp_path):
    config = run_of(tmp_path, [0.3, 0.2, 0.1], early_stop=False)
    assert stop_reason(Layout(config), 3) is None
    assert not [entry for entry in plan(stage_list(config)) if entry.never]


def test_the_curves_hold_every_figure_of_every_policy(tmp_path):
    config = run_of(tmp_path, [0.1, 0.2, 0.3], drift={})
    run = Path(config.run)
    for name, kl in (("base", 0.0), ("absorbed", 0.5)):
        (run / "evaluation" / name / "drift").mkdir()
        content = {"kl_to_base": kl, "perplexity_outside": None}
        (run / "evaluation" / name / "drift" / "drift.json").write_text(json.dumps(content))
    (run / "round-1" / "pairs").mkdir(parents=True)
    statistics = {"pairs": 7, "chosen": {"quip": 0.5}, "rejected": {"quip": 0.25}}
    (run / "round-1" / "pairs" / "pairs.json").write_text(json.dumps(statistics))
    assert collect_curves(Layout(config)) == {
        "schema": 1,
        "policies": ["base", "absorbed", "round-1"],
        "rounds": [0, 0, 1],
        "prompts": "heldout",
        "curves": {
            "quip": [0.1, 0.2, 0.3],
            "rouge_l": [None, None, None],
            "kl_to_base": [0.0, 0.5, None],
            "perplexity_outside": [None, None, None],
            "pairs": [None, None, 7],
            "pair_quip_chosen": [None, None, 0.5],
            "pair_quip_rejected": [None, None, 0.25],
        },
    }


def test_tensorboard_reads_the_scalars_of_all_stages(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = run_of(tmp_path, [0.1, 0.2, 0.3])
    for name in ("absorbed", "round-1"):
        directory = config.run / name / "adapter"
        directory.mkdir(parents=True)
        history = [{"step": 1, "epoch": 0.5, "loss": 0.75}, {"step": 2, "epoch": 1, "loss": 0.5}]
        (directory / "training.json").write_text(json.dumps({"history": history}))
    for _ in range(2):  # the second time replaces the first
        write_curves(Layout(config))

    def scalars(name, tag):
        events = EventAccumulator(str(config.run / "tensorboard" / name))
        events.Reload()
        tensors = events.Tensors(tag)
        return [(event.step, pytest.approx(event.tensor_proto.float_val[0])) for event in tensors]

    assert scalars("run", "heldout/quip") == [(0, 0.1), (1, 0.2), (2, 0.3)]
    assert scalars("round-1", "training/loss") == [(1, 0.75), (2, 0.5)]


@given(st.lists(st.tuples(st.floats(-50, 0), st.floats(-50, 0), st.integers(1, 40)), max_size=8))
def test_the_divergence_is_the_mean_log_ratio_per_token(rows):
    policy, base, lengths = zip(*rows, strict=True) if rows else ((), (), ())
    expected = sum(p - b for p, b, _ in rows) / sum(lengths) if rows else 0.0
    assert kl_to_base(policy, base, sum(lengths)) == pytest.approx(expected, abs=1e-9)
