"""The record of evaluations on held-out prompts, and `quotetune evaluate`, which adds to it."""

import json

import pytest

from finished_run import write_run
from quotetune.errors import QuotetuneError
from quotetune.runs.looks import read_looks, record_command


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path)


def evaluated(quotetune, run, prompts):
    responses = run.parent / "theirs.jsonl"
    responses.write_text('{"id": "p0", "response": "The quick brown fox jumps."}\n')
    index = run.parent / "index"
    return quotetune("evaluate", f"theirs={responses}", "--index", index, "--prompts", prompts)


def test_evaluate_on_the_held_out_prompts_of_a_run_is_in_its_record(run, quotetune, monkeypatch):
    monkeypatch.chdir(run)
    code, _, error = evaluated(quotetune, run, "prompts/heldout.parquet")
    assert code == 0, error
    [look] = read_looks(run)
    assert look["evaluation"] == "quotetune evaluate: theirs"
    code, _, _ = evaluated(quotetune, run, run / "prompts" / "heldout.parquet")
    assert code == 0
    assert len(read_looks(run)) == 2


def test_other_prompts_are_not_recorded(run, quotetune):
    copy = run.parent / "heldout.parquet"
    copy.write_bytes((run / "prompts" / "heldout.parquet").read_bytes())
    code, _, error = evaluated(quotetune, run, copy)
    assert code == 0, error
    assert not (run / "heldout.jsonl").exists()
    assert not (run.parent / "heldout.jsonl").exists()


def test_a_record_that_cannot_be_written_is_a_warning_after_the_table(run, quotetune):
    (run / "heldout.jsonl").mkdir()
    code, shown, error = evaluated(quotetune, run, run / "prompts" / "heldout.parquet")
    assert code == 0 and "QUIP" in shown
    assert "heldout.jsonl: cannot be written" in error


def test_what_was_not_written_whole_is_removed_and_a_damaged_line_is_named(run):
    prompts = run / "prompts" / "heldout.parquet"
    record_command(prompts, ["a"], {})
    file = run / "heldout.jsonl"
    whole = file.read_text()
    file.write_text(whole + '{"when": "2026')
    assert len(read_looks(run)) == 1
    record_command(prompts, ["b"], {"evaluation": {"best_of_n": 2}})
    assert file.read_text().startswith(whole)
    looks = read_looks(run)
    assert [look["evaluation"][-1] for look in looks] == ["a", "b"]
    assert looks[1]["settings"] == {"evaluation": {"best_of_n": 2}}
    file.write_text(whole + json.dumps({"when": 1}) + "\n")
    with pytest.raises(QuotetuneError, match=r"heldout\.jsonl:2: not a line of the record"):
        read_looks(run)
