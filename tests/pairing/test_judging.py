"""A judge compares every two answers in both orders; its replies become a symmetric preference."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_pairing_preference import QUIP, write_candidates

import quotetune.pairing.judging
from quotetune.config.preference import JudgeConfig
from quotetune.pairing.candidates import Candidate
from quotetune.pairing.judging import preference_of, run_judge, verdict
from quotetune.pairing.verdicts import Verdict, Verdicts, write_verdicts
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.parts import schema

TEMPLATE = "{prompt}|{first}|{second}"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("[[A]]", 1.0),
        ("Both are fine, but [[B]]", 0.0),
        ("[[A]] no, wait: [[B]]", 0.0),
        ("A", 1.0),
        ("**B**.", 0.0),
        ("A is better", None),
        ("[[C]]", None),
        ("AB", None),
        ("", None),
    ],
)
def test_a_verdict_is_marked_or_a_letter_alone(reply, expected):
    assert verdict(reply) == expected


@pytest.mark.parametrize(
    ("replies", "turned", "expected"),
    [
        (["A"], ["B"], (1.0, 0)),  # the same answer in both orders
        (["A"], ["A"], (0.5, 0)),  # always the first place
        (["B"], ["A"], (0.0, 0)),
        (["?"], ["B"], (0.75, 1)),
        (["A", "A", "B", "?"], ["B", "B", "B", "B"], ((2.5 / 4 + 1) / 2, 1)),
    ],
)
def test_the_mean_of_both_orders_cancels_the_place_out(replies, turned, expected):
    assert preference_of(replies, turned) == expected
    backwards, _ = preference_of(turned, replies)
    assert backwards == pytest.approx(1 - expected[0])


def judged(tmp_path, monkeypatch, answer, quip=QUIP, **settings):
    """Let a judge that answers by a function compare the candidates of `QUIP`."""
    files = write_candidates(tmp_path / "in", quip)
    asked = []

    def replies(questions, output, **_):
        rows = []
        for question in questions:
            (message,) = question.messages
            asked.append(message["content"])
            rows.append(
                {
                    "prompt_id": question.id,
                    "sample": 0,
                    "response": answer(*message["content"].split("|")),
                    "prompt_token_ids": [1],
                    "token_ids": [1],
                    "finish_reason": "stop",
                    "seed": 0,
                }
            )
        output.mkdir()
        table = pa.Table.from_pylist(rows, schema())
        pq.write_table(table, output / "part-00000.parquet")

    monkeypatch.setattr(quotetune.pairing.judging, "run_sampling", replies)
    judge = JudgeConfig.model_validate({"model": {"path": "m"}, "template": TEMPLATE, **settings})
    prompts = {
        name: Prompt(name, messages=[{"role": "user", "content": f"{name}? {{second}}"}])
        for name in quip
    }
    run_judge(files, prompts, tmp_path / "judge", judge, seed=0)
    return asked, Verdicts(tmp_path / "judge" / "verdicts.parquet")


def test_every_two_answers_are_asked_about_in_both_orders(tmp_path, monkeypatch):
    asked, verdicts = judged(tmp_path, monkeypatch, lambda *_: "[[A]]")
    # Two candidates of each prompt are long enough: the third of c has no QUIP.
    assert len(asked) == 2 * len(QUIP)
    # Text of a prompt that looks like a place of the template is not replaced.
    assert "c? {second}|c: response 0|c: response 1" in asked
    assert "c? {second}|c: response 1|c: response 0" in asked
    assert (verdicts.comparisons, verdicts.undecided) == (len(QUIP), 0)
    candidates = [Candidate(i, str(i), None, 1) for i in range(3)]
    matrix = verdicts.matrix("c", candidates)
    assert (matrix[:2, :2] == 0.5).all()  # the first place has no advantage
    assert np.isnan(matrix[2, :2]).all()  # not compared
    candidates[2] = Candidate(2, "0", None, 1)
    assert verdicts.matrix("c", candidates)[2, 0] == 0.5  # equal texts are not compared


def test_a_judge_with_a_taste_is_a_preference(tmp_path, monkeypatch):
    def later(_, first, second):
        return "[[A]]" if first > second else "hm" if first.startswith("b") else "[[B]]"

    _, verdicts = judged(tmp_path, monkeypatch, later)
    candidates = [Candidate(0, "0", None, 1), Candidate(1, "1", None, 1)]
    assert verdicts.matrix("a", candidates).tolist() == [[0.5, 0.0], [1.0, 0.5]]
    assert verdicts.matrix("b", candidates).tolist() == [[0.5, 0.25], [0.75, 0.5]]
    assert verdicts.undecided == 1


def test_a_cap_bounds_the_comparisons_of_each_prompt(tmp_path, monkeypatch):
    quip = {"a": [0.1, 0.2, 0.3, 0.4], "b": [0.5, None, 0.6]}
    asked, verdicts = judged(tmp_path, monkeypatch, lambda *_: "[[A]]", quip, comparisons=2)
    assert verdicts.comparisons == 2 + 1
    answers = Counter(answer for question in asked for answer in question.split("|")[1:])
    # Each candidate is in one comparison, in both places.
    assert set(answers.values()) == {2}
    assert len(answers) == 4 + 2


def naive_matrix(verdicts, prompt_id, candidates):
    """Look every comparison up in the list of all verdicts: the oracle."""
    matrix = np.full((len(candidates), len(candidates)), np.nan)
    for i, one in enumerate(candidates):
        for j, other in enumerate(candidates):
            if one.text == other.text:
                matrix[i, j] = 0.5
            for found in verdicts:
                if found[:3] == (prompt_id, one.sample, other.sample):
                    matrix[i, j] = found.preference
                if found[:3] == (prompt_id, other.sample, one.sample):
                    matrix[i, j] = 1 - found.preference
    return matrix


@given(data=st.data(), together=st.integers(1, 9), order=st.permutations("abcd"))
def test_verdicts_are_found_in_whatever_parts_they_are_written_and_read(
    data, together, order, tmp_path_factory
):
    every = [
        Verdict(prompt_id, i, j, data.draw(st.sampled_from([0.0, 0.25, 1.0])), i)
        for prompt_id in "abc"
        for i in range(4)
        for j in range(i)
        if data.draw(st.booleans())
    ]
    path = tmp_path_factory.mktemp("verdicts") / "verdicts.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("quotetune.pairing.verdicts._ROWS_TOGETHER", together)
        write_verdicts(path, iter(every))
    assert pq.read_metadata(path).num_row_groups == max(1, -(-len(every) // together))
    assert pq.read_table(path).to_pylist() == [one._asdict() for one in every]
    verdicts = Verdicts(path)
    assert verdicts.comparisons == len(every)
    assert verdicts.undecided == sum(one.undecided for one in every)
    candidates = [Candidate(i, "same" if i > 2 else str(i), None, 1) for i in range(5)]
    for prompt_id in order:
        found = verdicts.matrix(prompt_id, candidates)
        assert np.array_equal(found, naive_matrix(every, prompt_id, candidates), equal_nan=True)
