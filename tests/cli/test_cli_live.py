"""The commands that change an index, run as a user runs them."""

import json
from pathlib import Path

from command_line import assert_fails, quotetune, records


def line(id: int) -> str:
    return json.dumps({"id": id, "source": "s", "text": f"It was year {id} of times and of years."})


def count(index: Path) -> int:
    manifest = json.loads(quotetune("info", index, "--json").stdout)
    return int(manifest["counts"]["documents"])


def test_an_index_grows_shrinks_and_is_merged(tmp_path: Path) -> None:
    index, other, merged = tmp_path / "index", tmp_path / "other", tmp_path / "merged"
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(line(id) for id in range(10)))
    assert quotetune("build-index", corpus, "-o", index).returncode == 0
    result = quotetune("add", index, "-", stdin=line(10) + "\n" + line(11))
    assert result.returncode == 0 and "12 documents" in result.stderr and result.stdout == ""
    assert_fails(
        quotetune("add", index, "-", stdin=line(10)), 1, "<stdin>:1", "already", "--id-key"
    )
    result = quotetune("remove", index, "--source", "s", "--id", 3, "--id", 11)
    assert result.returncode == 0 and "2 documents removed, 10 left" in result.stderr
    assert_fails(quotetune("remove", index, "--source", "s", "--id", 3), 1, 'no document "3"')
    assert quotetune("compact", index, "--segment-bytes", 2_000_000_000).returncode == 0
    assert "undamaged" in quotetune("verify", index).stdout
    shown = " ".join(quotetune("info", index).stdout.split())
    assert "10 (0 shorter than n)" in shown and "segments 1" in shown
    assert "filters together at most 0.098%" in shown

    assert quotetune("build-index", "-", "-o", other, stdin=line(3)).returncode == 0
    assert quotetune("merge", index, other, "-o", merged).returncode == 0
    assert count(index) == 10 and count(merged) == 11
    assert_fails(quotetune("merge", index, other, "-o", merged), 2, "--overwrite")
    text = "They say it was year 3 of times and of years."
    [trace] = records(quotetune("trace", merged, "--text", text, "--json"))
    assert [document["id"] for document in trace["quotes"][0]["documents"]] == ["3"]
    assert quotetune("remove", merged, "--source", "s").returncode == 0
    assert count(merged) == 0
    assert_fails(quotetune("remove", merged, "--source", "s"), 1, 'no document of source "s"')


def test_shards_are_merged(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(line(id) for id in range(10)))
    options = ("--expected-ngrams", 500)
    for i in (1, 2):
        output = tmp_path / f"part-{i}"
        result = quotetune("build-index", corpus, "-o", output, "--shard", f"{i}/2", *options)
        assert result.returncode == 0 and count(output) == 5
    result = quotetune("merge", tmp_path / "part-1", tmp_path / "part-2", "-o", tmp_path / "all")
    assert result.returncode == 0 and "10 documents" in result.stderr
    assert_fails(quotetune("build-index", corpus, "-o", "x", "--shard", "2/1"), 2, "give I/N")


def test_a_directory_that_is_not_an_index_is_not_changed(tmp_path: Path) -> None:
    for arguments in (
        ("add", "-"),
        ("remove", "--source", "s"),
        ("compact",),
        ("merge", "-o", "x"),
    ):
        command, *rest = arguments
        result = quotetune(command, tmp_path, *rest)
        assert_fails(result, 1, "no index here")
    assert list(tmp_path.iterdir()) == []
