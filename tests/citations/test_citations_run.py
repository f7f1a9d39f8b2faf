"""A run that learns ids: its stages, its numbers, and kill -9 while it decodes ids."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import tiny_run
from quotetune import Document, Index, build_index
from quotetune.citations.decoding import decode_citations
from quotetune.citations.form import split_citations
from quotetune.config import Config
from quotetune.config.validation import validate
from quotetune.pipeline.preflight import check_inputs
from quotetune.pipeline.run import stage_list
from quotetune.sampling.parts import read_samples
from tiny_model import tiny_tokenizer


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny_run.write_inputs(
        tmp_path_factory.mktemp("inputs"),
        pairs={"citations": {"most": 2}, "pairs_per_prompt": 4},
        prompts={"train_limit": 10},
        sampling={"max_tokens": 100},  # enough for many responses to end
        dpo={"save_steps": 100},
    )


@pytest.fixture(scope="module")
def finished(inputs, without_children):
    """Return the config of a run that was killed while it decoded ids, and then resumed."""
    path = Path(inputs["run"]).with_name("config.yaml")
    path.write_text(yaml.safe_dump(inputs))
    killed = subprocess.run(
        [sys.executable, tiny_run.__file__, str(path), "constrained"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    parts = Path(inputs["run"]) / "evaluation" / "base" / "constrained.partial" / "result"
    assert (parts / "part-00000.parquet").exists()
    tiny_run.run(inputs)
    return inputs


def read(config, name):
    return pq.read_table(Path(config["run"]) / name).to_pylist()


def decode_again(config, directory, **reports):
    """Decode the ids of the base model again, into another directory."""
    decode_citations(
        config.run / "evaluation" / "base" / "uncited",
        directory / "constrained",
        index=Index.open(config.index),
        most=2,
        model=config.model,
        adapter=None,
        sampling=config.evaluation_sampling,
        **reports,
    )
    return read_samples(directory / "constrained")


def test_the_training_learns_the_pairs_with_ids(finished):
    pairs, cited = (read(finished, f"round-1/{made}/pairs.parquet") for made in ("pairs", "cited"))
    assert len(pairs) == len(cited)
    counts = json.loads((Path(finished["run"]) / "round-1/cited/citations.json").read_text())
    assert counts["cited"] == sum(bool(row["chosen_citations"]) for row in cited) > 0
    for before, after in zip(pairs, cited, strict=True):
        for side in ("chosen", "rejected"):
            ids = after[f"{side}_citations"]
            text = before[side].rstrip() if ids else before[side]
            assert split_citations(after[side]) == (text, ids)
    record = json.loads((Path(finished["run"]) / "round-1/adapter/training.json").read_text())
    assert record["tokens"]["chosen"] == sum(len(row["chosen_token_ids"]) for row in cited)


def test_metrics_are_computed_from_texts_without_ids(finished, tmp_path):
    copy = {**finished, "run": str(tmp_path / "run")}
    shutil.copytree(finished["run"], copy["run"], symlinks=True)
    part = Path(copy["run"]) / "evaluation/base/samples/part-00000.parquet"
    sampled = pq.read_table(part).to_pylist()
    texts = {(row["prompt_id"], row["sample"]): row["response"].rstrip() for row in sampled}
    ids = tiny_tokenizer()(" [7]", add_special_tokens=False)["input_ids"]
    for row in sampled:  # this model gives no ids by itself
        end = len(row["token_ids"]) - (row["finish_reason"] == "stop")
        row["token_ids"][end:end] = ids
        row["response"] += " [7]"
    pq.write_table(pa.Table.from_pylist(sampled, pq.read_schema(part)), part)
    tiny_run.run(copy)
    measured = read(copy, "evaluation/base/metrics/responses.parquet")
    found = {(row["prompt_id"], row["sample"]): row["response"] for row in measured}
    assert {key: found[key] for key in found.keys() & texts} == {
        key: text for key, text in texts.items() if key[1] == 0
    }
    citations = json.loads((Path(copy["run"]) / "metrics.json").read_text())["citations"]
    assert citations["rows"]["base"]["plain"]["cited"] > 0


def test_metrics_and_reports_have_the_citations_of_each_policy(finished):
    run = Path(finished["run"])
    citations = json.loads((run / "metrics.json").read_text())["citations"]
    assert (citations["k"], list(citations["rows"])) == (2, ["base", "round-1"])
    for row in citations["rows"].values():
        assert (row["responses"], row["with_gold"]) == (4, 4)
        assert row["constrained"]["cited"] == row["constrained"]["valid"] == 1.0
        assert row["traced"]["hits_at_1_trace"] == 1.0
    for page in ("summary.md", "report.html"):
        text = (run / page).read_text()
        assert "round 1, constrained" in text
        assert "Hits@2 trace" in text


def test_decoding_in_two_goes_gives_the_same_as_in_one(finished, tmp_path):
    config = Config.model_validate(finished)
    base = config.run / "evaluation" / "base"
    decoded = decode_again(config, tmp_path, progress=lambda now: None, notice=pytest.fail)
    assert decoded.equals(read_samples(base / "constrained"))
    # After the prompt and the response without its ids and its end-of-text token.
    first, sample = decoded.to_pylist()[0], read_samples(base / "uncited").to_pylist()[0]
    ended = sample["finish_reason"] == "stop"
    start = sample["token_ids"][:-1] if ended else sample["token_ids"]
    assert first["prompt_token_ids"] == sample["prompt_token_ids"] + start


def test_too_many_ids_are_no_constraint(finished, tmp_path, monkeypatch):
    monkeypatch.setattr("quotetune.citations.decoding.MOST_CHOICES", 99)
    config = Config.model_validate(finished)
    notices = []
    decoded = decode_again(config, tmp_path, progress=pytest.fail, notice=notices.append)
    assert len(decoded) == 0
    assert notices[0].startswith("no constrained ids: the corpus has 100 ids, ")


def test_without_ids_no_stage_and_no_setting_differs(inputs):
    def fingerprints(**pairs):
        block = {**inputs["pairs"], **pairs}
        stages = stage_list(Config.model_validate({**inputs, "pairs": block}))
        return {stage.name: (stage.settings, stage.inputs) for stage in stages}

    off = fingerprints(citations=False)
    assert off == fingerprints(citations=None)
    assert not [name for name in off if "cit" in name]
    assert not [key for settings, _ in off.values() for key in settings if "citations" in key]
    added = fingerprints(citations=True).keys() - off.keys()
    assert added == {
        "round-1/uncited",
        "round-1/cite",
        *(
            f"evaluation/{policy}/{step}"
            for policy in ("base", "round-1")
            for step in ("uncited", "constrained", "citations")
        ),
    }


def test_ids_that_cannot_be_cited_are_reported_before_any_work(inputs, tmp_path):
    unquote = {**inputs["pairs"], "direction": "unquote"}
    _, problems = validate({**inputs, "pairs": unquote})
    assert ["direction unquote" in str(problem) for problem in problems] == [True]
    index = build_index([Document("s", "a[0]", "ab" * 20)], tmp_path / "index", n=2)
    config = Config.model_validate({**inputs, "index": str(index.path)})
    assert [problem.key for problem in check_inputs(config)] == ["pairs.citations"]
