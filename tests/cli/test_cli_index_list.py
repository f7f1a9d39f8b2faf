"""The commands take a `.json` list of indexes where they take an index."""

import json
from pathlib import Path

import pytest

from command_line import assert_fails, quotetune, records
from index_sets import built_parts, write_list
from quotetune import Document, build_index
from quotetune.corpus.manifest import read_manifest

TEXT = "It was the best of times. It was the age of wisdom, and the end."
CORPUS = [
    Document("dickens", "best", "It was the best of times, it was the worst of times."),
    Document("dickens", "wisdom", "It was the age of wisdom, it was the age of foolishness."),
    Document("dickens", "belief", "It was the epoch of belief. It was the best of times, again."),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    build_index(CORPUS, folder / "single", n=10, structures="suffix")
    built_parts(folder, [CORPUS[:1], CORPUS[1:]], n=10, structures="suffix")
    write_list(folder / "all.json", ["part-0", "part-1"])
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["score", "--text", TEXT, "--json"],
        ["score", "--text", TEXT, "--format", "quip-json"],
        ["trace", "--text", TEXT, "--json"],
        ["cite", "--text", TEXT],
        ["contains", "best", "worst"],
        ["repeats", "--min-chars", "10"],
    ],
)
def test_a_command_answers_from_a_list_as_from_one_index(folder: Path, command: list[str]) -> None:
    name, *options = command
    listed = quotetune(name, folder / "all.json", *options)
    single = quotetune(name, folder / "single", *options)
    assert (listed.returncode, listed.stdout) == (0, single.stdout) and single.stdout
    assert listed.stderr.replace("all.json", "single") == single.stderr


def test_a_build_on_one_machine_refuses_the_output_that_is_a_list(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"text": "It was the best of times."}\n')
    for name in ("set.json", "SET.JSON"):
        failed = quotetune("build-index", tmp_path / "corpus.jsonl", "-o", tmp_path / name)
        assert_fails(failed, 2, f"{name}: a list of shards is made by --executor ray or slurm")
        assert not (tmp_path / name).exists()


def test_info_adds_up_the_indexes_of_a_list_and_names_each(folder: Path) -> None:
    shown, single = (quotetune("info", folder / name).stdout for name in ("all.json", "single"))
    rows, expected = ([line.split() for line in text.splitlines()] for text in (shown, single))
    names = ("n-grams", "structures", "documents", "skipped", "text", "windows")
    assert [row for row in rows if row[0] in names] == [row for row in expected if row[0] in names]
    assert ["segments", "2"] in rows
    on_one_line = " ".join(shown.split())
    assert "1 document, suffix" in on_one_line and "2 documents, suffix" in on_one_line
    [first, second] = json.loads(quotetune("info", folder / "all.json", "--json").stdout)
    assert first == {
        "path": str(folder / "part-0"),
        "manifest": read_manifest(folder / "part-0"),
    }
    assert second["manifest"]["counts"]["documents"] == 2


def test_verify_reads_the_files_of_all_indexes_of_a_list(folder: Path, tmp_path: Path) -> None:
    result = quotetune("verify", folder / "all.json")
    assert result.returncode == 0 and "undamaged" in result.stdout
    built_parts(tmp_path, [CORPUS[:2], CORPUS[1:]])
    path = write_list(tmp_path / "twice.json", ["part-0", "part-1"])
    result = quotetune("verify", path)
    assert result.returncode == 1
    assert 'the document "wisdom" of source "dickens" is also in' in result.stderr
    next((tmp_path / "part-1").glob("*.suffix")).write_bytes(b"")
    result = quotetune("verify", path)
    assert result.returncode == 1 and "1 damaged file(s)" in result.stderr


def test_a_list_that_is_not_valid_is_a_usage_error(folder: Path) -> None:
    path = folder / "bad.json"
    path.write_text('[\n"nowhere"]')
    for command in (["score", path, "--text", "a"], ["info", path], ["verify", path]):
        assert_fails(quotetune(*command), 2, f"{path}:2: ", "no index here")
    [record] = records(quotetune("score", folder / "all.json", "--text", TEXT, "--json"))
    assert record["numerator"] > 0
