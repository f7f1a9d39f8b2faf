"""From measured candidates to pairs: quantiles, cross-prompt negatives, the user's preferences."""

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quotetune.config import PairsConfig, PreferenceConfig
from quotetune.errors import QuotetuneError, UsageError
from quotetune.pairing.candidates import GOLD, CandidateFiles
from quotetune.pairing.own_preference import load_preference, source_file
from quotetune.pairing.run import pair_samples
from quotetune.pairing.statistics import statistics_lines
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.parts import schema

TOKENS = 10


def write_candidates(directory, quip, *, gold=None, **measures):
    """Write parts of two prompts each. `quip` and each measure are lists by prompt."""
    (directory / "samples").mkdir(parents=True)
    rows = []
    for prompt, values in quip.items():
        for sample in range(len(values)):
            rows.append(candidate(prompt, sample, f"{prompt}: response {sample}"))
    for part in range(0, len(quip), 2):
        names = list(quip)[part : part + 2]
        table = pa.Table.from_pylist([row for row in rows if row["prompt_id"] in names], schema())
        pq.write_table(table, directory / "samples" / f"part-{part // 2:05d}.parquet")
    files = {"scores": {p: list(values) for p, values in quip.items()}, **measures}
    if gold is not None:
        (directory / "gold").mkdir()
        references = [candidate(prompt, GOLD, f"{prompt}: the reference") for prompt in gold]
        table = pa.Table.from_pylist(references, schema())
        pq.write_table(table, directory / "gold" / "part-00000.parquet")
        rows += references
    for name, by_prompt in files.items():
        column = "quip" if name == "scores" else "value"
        values = [value for values in by_prompt.values() for value in values]
        if gold is not None:
            values += list(gold.values()) if name == "scores" else [0.0] * len(gold)
        table = [
            {"prompt_id": row["prompt_id"], "sample": row["sample"], column: value}
            for row, value in zip(rows, values, strict=True)
        ]
        kinds = [("prompt_id", pa.string()), ("sample", pa.int32()), (column, pa.float64())]
        pq.write_table(pa.Table.from_pylist(table, pa.schema(kinds)), directory / f"{name}.parquet")
    return CandidateFiles(
        samples=directory / "samples",
        scores=directory / "scores.parquet",
        gold=None if gold is None else directory / "gold",
        measures={name: directory / f"{name}.parquet" for name in measures},
    )


def candidate(prompt, sample, text):
    return {
        "prompt_id": prompt,
        "sample": sample,
        "response": text,
        "prompt_token_ids": [ord(prompt[0])],
        "token_ids": [sample + 2] * TOKENS,
        "finish_reason": "length",
        "seed": sample,
    }


QUIP = {
    "a": [0.9, 0.1],
    "b": [0.8, 0.3],
    "c": [0.5, 0.4, None],
    "d": [0.7, 0.1],
    "e": [0.2, 0.2],
}


def paired(files, output, settings, **options):
    statistics = pair_samples(files, output, PairsConfig(**settings), seed=0, **options)
    assert statistics == json.loads((output / "pairs.json").read_text())
    return statistics, pq.read_table(output / "pairs.parquet").to_pylist()


def test_only_pairs_above_the_quantile_of_all_prompts_are_kept(tmp_path):
    files = write_candidates(tmp_path / "in", QUIP)
    settings = {"rule": "west_of_n", "delta_quip": 0.05}
    _, everything = paired(files, tmp_path / "all", settings)
    assert [row["prompt_id"] for row in everything] == ["a", "b", "c", "d"]
    statistics, rows = paired(files, tmp_path / "half", {**settings, "quantile": 0.5})
    limit = np.quantile([row["preference"] for row in everything], 0.5)
    expected = [row for row in everything if row["preference"] >= limit]
    assert rows == expected
    assert [row["prompt_id"] for row in rows] == ["a", "d"]
    assert statistics["quantile_limit"] == pytest.approx(limit)
    without = statistics["prompts_without_pair"]
    assert (without["below_quantile"], without["no_gap"]) == (2, 1)
    assert statistics["prompts_with_pair"] + sum(without.values()) == statistics["prompts"] == 5


def test_a_negative_of_another_prompt_quotes_most_in_answer_to_another_prompt(tmp_path):
    files = write_candidates(tmp_path / "in", QUIP)
    settings = {"rule": "west_of_n", "delta_quip": 0.05, "negatives": {"best_of_other_prompts": 2}}
    statistics, rows = paired(files, tmp_path / "out", settings)
    crossed = [row for row in rows if row["rejected_prompt_id"] != row["prompt_id"]]
    assert statistics["cross_prompt_pairs"] == len(crossed) == 2 * 4
    assert statistics["pairs"] == len(rows) == 3 * 4
    own = {row["prompt_id"]: row for row in rows if row not in crossed}
    for row in crossed:
        assert row["chosen"] == own[row["prompt_id"]]["chosen"]
        assert row["prompt_token_ids"] == [ord(row["prompt_id"])]
        assert row["rejected"].startswith(f"{row['rejected_prompt_id']}: ")
        best = max(value for value in QUIP[row["rejected_prompt_id"]] if value is not None)
        assert row["rejected_quip"] == best
        assert row["preference"] is None
    for prompt in own:
        others = [row["rejected_prompt_id"] for row in crossed if row["prompt_id"] == prompt]
        assert len(set(others)) == 2
    assert paired(files, tmp_path / "again", settings)[1] == rows
    order = [row["prompt_id"] for row in rows]
    assert order == sorted(order)


def test_a_negative_of_another_prompt_has_a_fitting_length(tmp_path):
    files = write_candidates(tmp_path / "in", {"a": [0.9, 0.1], "b": [0.8, 0.3]})
    part = tmp_path / "in" / "samples" / "part-00000.parquet"
    rows = pq.read_table(part).to_pylist()
    for row in rows[2:]:
        row["token_ids"] = [7] * 3 * TOKENS
    pq.write_table(pa.Table.from_pylist(rows, schema()), part)
    settings = {"delta_quip": 0.05, "negatives": {"best_of_other_prompts": 1}}
    assert paired(files, tmp_path / "out", settings)[0]["cross_prompt_pairs"] == 0


def test_a_run_may_have_pairs_across_prompts_alone(tmp_path):
    files = write_candidates(tmp_path / "in", {"a": [0.1, 0.1], "b": [0.5, 0.5], "c": [None]})
    settings = {"negatives": {"cross_prompt": {}}}
    statistics, rows = paired(files, tmp_path / "out", settings)
    (row,) = rows
    assert (row["prompt_id"], row["chosen_sample"], row["chosen_quip"]) == ("a", 0, 0.1)
    assert (row["rejected_prompt_id"], row["rejected_sample"]) == ("b", 0)
    assert (row["rejected_quip"], row["preference"]) == (0.5, None)
    assert statistics["cross_prompt_pairs"] == statistics["pairs"] == 1
    assert (statistics["prompts_with_pair"], statistics["prompts_without_pair"]["no_gap"]) == (0, 2)
    assert "rejected in 1 pair" in statistics_lines(statistics)[-1]


def test_every_candidate_is_written_with_its_measures_and_its_win_rate(tmp_path):
    on_topic = {"a": [0.0, 0.5], "b": [0.2, 0.1], "c": [0.3, 0.1, None], "d": [0, 0], "e": [0, 0]}
    files = write_candidates(tmp_path / "in", QUIP, on_topic_quip=on_topic)
    preference = PreferenceConfig.model_validate({"on_topic_quip": {"tau": 0}})
    settings = {"rule": "large_margin", "margin": 0.5, "delta_quip": None}
    statistics, rows = paired(files, tmp_path / "out", settings, preference=preference)
    pairs = [(row["prompt_id"], row["chosen_sample"], row["rejected_sample"]) for row in rows]
    assert pairs == [("a", 1, 0), ("b", 0, 1), ("c", 0, 1)]
    found = pq.read_table(tmp_path / "out" / "candidates.parquet").to_pylist()
    assert [row["win_rate"] for row in found[:4]] == [0.0, 1.0, 1.0, 0.0]
    assert found[6] == {
        "prompt_id": "c",
        "sample": 2,
        "length": TOKENS,
        "quip": None,
        "on_topic_quip": None,
        "win_rate": None,
        "repetitive": False,
    }
    assert statistics["chosen"]["on_topic_quip"] == pytest.approx((0.5 + 0.2 + 0.3) / 3)
    assert statistics["margin"] == {"mean": 1.0, "median": 1.0, "min": 1.0, "max": 1.0}
    assert statistics["gap"]["min"] == pytest.approx(0.1 - 0.9)  # QUIP went the other way
    assert "on_topic_quip: 0.333 over 0.0667, all samples" in "\n".join(
        statistics_lines(statistics)
    )


def test_references_are_a_row_of_their_own_in_the_statistics(tmp_path):
    files = write_candidates(tmp_path / "in", QUIP, gold={"a": 0.95, "b": 0.0})
    settings = {"rule": "west_of_n", "delta_quip": 0.05}
    statistics, rows = paired(files, tmp_path / "out", settings)
    sides = {row["prompt_id"]: (row["chosen_sample"], row["rejected_sample"]) for row in rows}
    assert (sides["a"], sides["b"]) == ((GOLD, 1), (0, GOLD))
    gold = statistics["gold"]
    assert (gold["count"], gold["chosen"], gold["rejected"]) == (2, 1, 1)
    assert gold["quip"] == pytest.approx(0.95 / 2)
    assert statistics["samples"]["count"] == sum(map(len, QUIP.values()))
    assert "gold: 2, QUIP 0.475" in "\n".join(statistics_lines(statistics))


def test_measures_of_other_candidates_are_refused(tmp_path):
    files = write_candidates(
        tmp_path / "in", QUIP, repetition={name: [0] * len(QUIP[name]) for name in QUIP}
    )
    table = pq.read_table(files.measures["repetition"])
    pq.write_table(table.take([1, 0, *range(2, len(table))]), files.measures["repetition"])
    with pytest.raises(UsageError, match=r"repetition.parquet: not the scores of"):
        pair_samples(files, tmp_path / "out", PairsConfig(), seed=0)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The user's module, in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_taste.py").write_text(
        "def later(prompt, response, other):\n"
        "    assert prompt.reference == 'r'\n"
        "    return 0.9 if response > other else 0.6\n"
        "def wrong(prompt, response, other):\n"
        "    return 7\n"
        "number = 3\n"
    )
    yield tmp_path / "my_taste.py"
    sys.modules.pop("my_taste", None)


def taste(function):
    return PreferenceConfig.model_validate({"callables": {"mine": {"function": function}}})


def test_the_users_own_function_ranks_the_responses(tmp_path, module):
    files = write_candidates(tmp_path / "in", QUIP)
    prompts = {name: Prompt(name, text="?", reference="r") for name in QUIP}
    statistics, rows = paired(
        files,
        tmp_path / "out",
        {"rule": "west_of_n", "delta_quip": None},
        preference=taste("my_taste:later"),
        prompts=prompts,
    )
    # (0.9 + 1 - 0.6) / 2: the function's advantage of the first place cancels out.
    assert [row["preference"] for row in rows] == pytest.approx([0.65] * 5)
    assert [(row["chosen_sample"], row["rejected_sample"]) for row in rows] == [(1, 0)] * 5
    assert statistics["preference"] == {"mine": 1.0}
    with pytest.raises(
        QuotetuneError, match=r"callables.mine: the function returned 7.0 for prompt a"
    ):
        pair_samples(
            files,
            tmp_path / "wrong",
            PairsConfig(),
            seed=0,
            preference=taste("my_taste:wrong"),
            prompts=prompts,
        )


@pytest.mark.parametrize("function", ["no_such_module:f", "my_taste:earlier", "my_taste:number"])
def test_a_function_that_is_not_there_is_named_with_its_key(module, function):
    with pytest.raises(UsageError, match=rf"preference.callables.mine.function: {function} "):
        load_preference("mine", function)
    (module.parent / "a_script.py").write_text("raise SystemExit('done')\n")
    with pytest.raises(UsageError, match=r"a_script:f cannot be imported \(SystemExit: done\)"):
        load_preference("mine", "a_script:f")
    assert source_file("my_taste:later") == module
    assert source_file("no_such_module:f") is None
