"""`quotetune build-index --dry-run`, run as a user runs it."""

import json
import re
from pathlib import Path

from command_line import assert_fails, quotetune

TEXT = "It was the best of times, it was the worst of times. \N{EM DASH} "


def test_a_dry_run_shows_the_sizes_that_the_index_then_has(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    records = [{"id": str(number), "text": f"{number} {TEXT} {number}"} for number in range(2000)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    arguments = ["build-index", path, "-o", tmp_path / "index", "--structures", "fuse,lean"]
    shown = quotetune(*arguments, "--dry-run")
    assert shown.returncode == 0 and shown.stderr == "", shown.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["corpus.jsonl"]
    assert "Counted: 2,000 documents, 1" in shown.stdout and "Nothing was written" in shown.stdout
    assert "memory" in shown.stdout and "time" in shown.stdout
    total = re.search(r"^all files +([\d.]+) kB$", shown.stdout, re.MULTILINE)
    assert total is not None
    assert quotetune(*arguments).returncode == 0
    files = sum(file.stat().st_size for file in (tmp_path / "index").iterdir())
    assert abs(float(total[1]) * 1000 / files - 1) < 0.02
    assert_fails(quotetune(*arguments, "--dry-run"), 2, "an index is there already")


def test_a_dry_run_needs_no_corpus() -> None:
    shown = quotetune("build-index", "--dry-run", "--ngrams", "1e9", "--structures", "bloom")
    assert re.search(r"^bloom +2.0 GB$", shown.stdout, re.MULTILINE)
    assert "Assumed: " in shown.stdout
    more = quotetune("build-index", "--dry-run", "--ngrams", "1e9", "--chars", "3e9")
    assert re.search(r"^text +3.0 GB$", more.stdout, re.MULTILINE)


def test_a_build_needs_a_corpus_and_an_output(tmp_path: Path) -> None:
    assert_fails(quotetune("build-index", "-o", tmp_path / "index"), 2, "no INPUT: name")
    assert_fails(quotetune("build-index", tmp_path / "a.jsonl"), 2, "no --output: name")
    assert_fails(quotetune("build-index", "--dry-run"), 2, "nothing to estimate")
    assert_fails(quotetune("build-index", "--dry-run", "--chars", "many"), 2, "such as 1e9")
    assert_fails(quotetune("build-index", "--dry-run", "--chars", "1.5"), 2, "a whole number")
    assert_fails(quotetune("build-index", "--dry-run", "--chars", "nan"), 2, "such as 1e9")
    shards = ("--ngrams", "5", "--shard", "1/3")
    assert_fails(quotetune("build-index", "--dry-run", *shards), 2, "--shard is for inputs")
    refused = quotetune("build-index", "a.jsonl", "-o", tmp_path / "index", "--ngrams", "5")
    assert_fails(refused, 2, "--ngrams and --chars are for --dry-run")
