"""`quotetune demo-data` says what it is doing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from quotetune.cli import demo_packages


def test_each_file_is_named_before_it_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quotetune: Callable[..., tuple[int, str, str]]
) -> None:
    articles = {"Ice": {"extract": "Ice is frozen water. " * 10, "description": "", "topic": "x"}}
    summaries = tmp_path / "summaries.json"
    summaries.write_text(json.dumps(articles))
    output = tmp_path / "demo"
    (output / "model").mkdir(parents=True)  # a model that exists is kept
    monkeypatch.setattr(demo_packages, "_find", lambda package, pattern: summaries)
    code, shown, said = quotetune("demo-data", output)
    assert (code, shown) == (0, "")
    names = [line.split()[1].rstrip(",") for line in said.splitlines()]
    assert names[:3] == [str(output / name) for name in ("corpus.jsonl", "model", "prompts.jsonl")]
    [prompt] = map(json.loads, (output / "prompts.jsonl").read_text().splitlines())
    assert prompt["prompt"] == "Ice"
