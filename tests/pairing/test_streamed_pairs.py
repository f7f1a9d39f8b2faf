"""Prompts are judged and paired one at a time, and what is written does not depend on it."""

import gc
import weakref
from collections.abc import Iterator
from itertools import permutations
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_pairing_preference import write_candidates

import quotetune.pairing.judging
import quotetune.pairing.run
from quotetune.config import PairsConfig
from quotetune.config.preference import JudgeConfig
from quotetune.pairing.candidates import CandidateFiles, candidates_by_prompt
from quotetune.pairing.judging import run_judge
from quotetune.pairing.replay import mix_pairs, replayed_rows
from quotetune.pairing.run import pair_samples
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.parts import part_path, schema

# Two prompts are in a part. Every score differs, so the order of the pairs is known.
QUIP = {f"p{i}": [((i * 7 + s * s * 3) % 23 + s / 100) / 24 for s in range(5)] for i in range(9)}
EVERY_PAIR = {"rule": "large_margin", "margin": 0.0, "pairs_per_prompt": None, "delta_quip": 0.1}


@pytest.fixture
def files(tmp_path) -> CandidateFiles:
    return write_candidates(tmp_path / "in", QUIP)


def rows_of(files, output, **settings):
    pair_samples(files, output, PairsConfig(**EVERY_PAIR | settings), seed=0)
    return pq.read_table(output / "pairs.parquet").to_pylist()


def naive_pairs() -> set[tuple[str, int, int]]:
    """Compare every two responses to a prompt: the oracle."""
    return {
        (prompt, chosen, rejected)
        for prompt, quip in QUIP.items()
        for chosen, rejected in permutations(range(len(quip)), 2)
        if quip[chosen] - quip[rejected] > 0.1
    }


def test_every_pair_of_large_margin_is_written_whatever_is_in_memory(files, tmp_path, monkeypatch):
    rows = rows_of(files, tmp_path / "whole")
    named = [(row["prompt_id"], row["chosen_sample"], row["rejected_sample"]) for row in rows]
    assert len(named) == len(set(named)) and set(named) == naive_pairs()
    assert [row["prompt_id"] for row in rows] == sorted(row["prompt_id"] for row in rows)
    whole = (tmp_path / "whole" / "pairs.parquet").read_bytes()
    monkeypatch.setattr("quotetune.pairing.pair_file.ROWS_TOGETHER", 3)
    assert rows_of(files, tmp_path / "pieces") == rows
    assert (tmp_path / "pieces" / "pairs.parquet").read_bytes() == whole
    monkeypatch.setattr("quotetune.runtime.row_groups._GROUP_ROWS", 10)
    assert rows_of(files, tmp_path / "groups") == rows
    assert pq.read_metadata(tmp_path / "groups" / "pairs.parquet").num_row_groups > 2


def test_a_pair_stage_leaves_only_its_files(files, tmp_path):
    rows_of(files, tmp_path / "out", quantile=0.5)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"candidates.parquet", "pairs.json", "pairs.parquet"}


@pytest.fixture
def alive(monkeypatch) -> SimpleNamespace:
    """Count the candidates in memory whenever the next prompt is read; `most` is the highest."""
    seen: list[weakref.ref] = []
    count = SimpleNamespace(most=0, prompts=0)

    def watched(files: CandidateFiles) -> Iterator:
        for prompt_id, candidates in candidates_by_prompt(files):
            seen.extend(map(weakref.ref, candidates))
            yield prompt_id, candidates
            del candidates
            gc.collect()
            count.most = max(count.most, sum(one() is not None for one in seen))
            count.prompts += 1

    for module in (quotetune.pairing.run, quotetune.pairing.judging):
        monkeypatch.setattr(module, "candidates_by_prompt", watched)
    return count


def test_candidates_of_earlier_parts_are_not_in_memory_when_pairs_are_made(files, tmp_path, alive):
    assert rows_of(files, tmp_path / "out")
    assert alive.prompts == len(QUIP)
    # Two parts of two prompts: one is being made while the other one ends.
    assert 0 < alive.most <= 4 * 5


def test_questions_to_a_judge_are_made_one_at_a_time(files, tmp_path, alive, monkeypatch):
    def replies(questions, output, **_):
        output.mkdir()
        for part, question in enumerate(questions):
            row = {
                "prompt_id": question.id,
                "sample": 0,
                "response": "[[A]]",
                "prompt_token_ids": [1],
                "token_ids": [1],
                "finish_reason": "stop",
                "seed": 0,
            }
            pq.write_table(pa.Table.from_pylist([row], schema()), part_path(output, part))

    monkeypatch.setattr(quotetune.pairing.judging, "run_sampling", replies)
    prompts = {name: Prompt(name, text=name) for name in QUIP}
    judge = JudgeConfig.model_validate({"model": {"path": "m"}})
    run_judge(files, prompts, tmp_path / "judge", judge, seed=0)
    verdicts = pq.read_table(tmp_path / "judge" / "verdicts.parquet")
    assert len(verdicts) == len(QUIP) * 10
    # The candidates are read for the questions, and again for the verdicts.
    assert alive.prompts == 2 * len(QUIP)
    assert 0 < alive.most <= 4 * 5


def test_rounds_are_mixed_whatever_is_in_memory(files, tmp_path, monkeypatch):
    rows = rows_of(files, tmp_path / "one")
    rows_of(files, tmp_path / "two", delta_quip=0.3)
    # The first round was one with thoughts, and has a column more.
    table = pq.read_table(tmp_path / "one" / "pairs.parquet")
    starts = pa.array(range(len(table)), pa.int32())
    one = table.append_column("chosen_answer_char", starts)
    pq.write_table(one, tmp_path / "one.parquet")
    earlier = {1: tmp_path / "one.parquet"}
    own = tmp_path / "two" / "pairs.parquet"

    def mixed(name: str) -> tuple[bytes, list[dict]]:
        counts = mix_pairs(own, earlier, [0.4], tmp_path / name, seed=5)
        assert counts["round-1"] == round(0.4 * len(rows))
        path = tmp_path / name / "pairs.parquet"
        return path.read_bytes(), pq.read_table(path).to_pylist()

    whole, found = mixed("whole")
    chosen = replayed_rows([row["prompt_id"] for row in rows], 0.4, seed=5, number=2)
    lacks = {"chosen_answer_char": None}
    expected = [row | {"round": 2} | lacks for row in pq.read_table(own).to_pylist()]
    expected += [rows[i] | {"round": 1, "chosen_answer_char": i} for i in chosen]
    assert found == expected
    monkeypatch.setattr("quotetune.pairing.replay._ROWS", 7)
    assert mixed("pieces") == (whole, found)
    monkeypatch.setattr("quotetune.runtime.row_groups._GROUP_ROWS", 10)
    assert mixed("groups")[1] == found
