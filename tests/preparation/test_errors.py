"""What a data set may not be, and what is left when a command fails or is killed."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from own_data_sets import ICE, Command, annotation, nq, rows, squad, write_jsonl

ROW = {"question": "What is ice?", "context": ICE, "answers": ["frozen"], "id": "q"}
NQ = nq("1", "why", "a b", (0, 2))
BAD = annotation((0, 2)) | {"long_answer": {"start_token": "0", "end_token": 2}}
ARTICLE = {"id": "1", "title": "Ice", "text": ICE * 4}


def error_of(quotetune: Command, *arguments: object) -> tuple[int, str]:
    code, shown, said = quotetune("prepare", *arguments)
    assert shown == ""
    *_, last = said.splitlines()
    assert last.startswith("error: ") and "unexpected" not in last, said
    return code, last.removeprefix("error: ")


@pytest.mark.parametrize(
    ("form", "records", "place", "problem"),
    [
        ("squad", [ROW, ROW | {"question": 7}], ":2", '"question" is a number, not a text'),
        ("squad", [ARTICLE], ":1", 'no "context" (the record has id, title, text)'),
        ("squad", [ROW | {"answers": [7]}], ":1", '"answers" contains a number'),
        ("squad", [ROW | {"id": True}], ":1", '"id" is a boolean'),
        ("squad", [ROW | {"question": " "}], ":1", "the question is empty"),
        ("squad", [ROW, ROW], ":2", "the id q occurred before"),
        ("squad", [ROW | {"question": "\ud800"}], ":1", "a lone surrogate"),
        ("squad", [ROW, 7], ":2", "not an object"),
        ("squad", [{"data": [{"title": "a"}]}], ": data[0]", 'no list "paragraphs"'),
        ("squad", [{"data": [7]}], ": data[0]", "a number, not an object"),
        ("nq", [ROW], ":1", "this is not the form nq"),
        ("nq", [NQ | {"annotations": 7}], ":1", "of another type"),
        ("nq", [NQ | {"annotations": [{}]}], ":1", "no 'long_answer'"),
        ("nq", [NQ, NQ | {"annotations": [BAD]}], ":2", "a place is not an integer"),
        ("nq", [NQ | {"document_tokens": [{"token": 7}]}], ":1", "a token is not a text"),
        ("nq", [NQ | {"document_title": 7}], ":1", '"document_title" is a number, not a text'),
        ("nq", [NQ | {"question_text": 7}], ":1", "the question is not a text"),
        ("nq", [{"question_text": "why", "document": "a b"}], ":1", "of another type"),
        ("wikipedia", [ARTICLE, ROW], ":2", "this is not the form wikipedia"),
        ("wikipedia", [ARTICLE, ARTICLE], ":2", "the id 1 occurred before"),
        (
            "wikipedia",
            [ARTICLE, ARTICLE | {"text": "Stub."}],
            ":2",
            "the document 1 occurred before with another text",
        ),
        ("wikipedia", [ARTICLE | {"id": None}], ":1", 'no "id"'),
        ("passages", [ARTICLE], ":1", "no question, query or prompt"),
        ("passages", [{"query": "What?"}], ":1", "no passages, passage, contexts or context"),
        ("passages", [ROW | {"passages": [7]}], ":1", "a passage is a number"),
        ("passages", [ROW | {"passages": [{"id": "x"}]}], ":1", 'no "text"'),
    ],
)
def test_a_bad_record_is_an_error_that_names_its_place(
    quotetune: Command, tmp_path: Path, form: str, records: list[Any], place: str, problem: str
) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    output = tmp_path / "out"
    code, error = error_of(quotetune, form, path, "-o", output)
    assert code == 1 and problem in error
    assert error.startswith(f"{path}{place}: ")
    assert not list(output.iterdir())


@pytest.mark.parametrize("form", ["squad", "nq", "wikipedia", "passages"])
def test_an_empty_file_has_no_prompts(quotetune: Command, tmp_path: Path, form: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text("")
    code, error = error_of(quotetune, form, path, "-o", tmp_path / "out")
    assert (code, error) == (1, "own: no prompts: give a data set with questions")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{\n "data": [,]\n}', ":2: not JSON (Expecting value, column 11): get it again"),
        ("[1", ":1: "),
        ("no JSON", ":1: not JSON"),
        ("{", ":1: not JSON"),
        ('{"data":\n[]}\n', ""),
    ],
)
def test_broken_json_is_an_error_with_its_line(
    quotetune: Command, tmp_path: Path, content: str, problem: str
) -> None:
    path = tmp_path / "own.json"
    path.write_text(content)
    code, error = error_of(quotetune, "squad", path, "-o", tmp_path / "out")
    assert code == 1
    assert error.startswith(f"{path}{problem}" if problem else "own: no prompts")


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_damaged_table_is_an_error(quotetune: Command, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"own.{ending}"
    path.write_bytes(b"PAR1\x15 damaged")
    code, error = error_of(quotetune, "squad", path, "-o", tmp_path / "out")
    assert code == 1 and error.startswith(f"{path}: not a readable {ending.capitalize()} file")


def test_a_source_that_does_not_exist_is_a_usage_error(quotetune: Command, tmp_path: Path) -> None:
    for name in ("none.json", "none.arrow"):
        code, error = error_of(quotetune, "squad", tmp_path / name, "-o", tmp_path / "out")
        assert code == 2 and "no such file" in error
    (tmp_path / "a.txt").write_text("Ice.")
    code, error = error_of(quotetune, "squad", tmp_path / "a.txt", "-o", tmp_path / "out")
    assert code == 2 and "a text file is no data set" in error
    path = write_jsonl(tmp_path / "a.jsonl", [ROW])
    code, error = error_of(quotetune, "squad", path, "--subset", "en", "-o", tmp_path / "out")
    assert code == 2 and "--subset" in error
    code, error = error_of(quotetune, "wikipedia", path, "--prompts", "ends", "-o", tmp_path / "o")
    assert code == 2 and "choose titles or starts" in error


def test_files_that_exist_are_replaced_only_with_overwrite(
    quotetune: Command, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    path = write_jsonl(tmp_path / "own.jsonl", [ROW])
    assert quotetune("prepare", "passages", path, "-o", output)[0] == 0
    (output / "index").mkdir()  # what else is there stays
    before = (output / "prompts.jsonl").read_text()
    write_jsonl(path, [ROW | {"id": "other"}])
    code, error = error_of(quotetune, "passages", path, "-o", output)
    assert code == 2 and "exists already: give --overwrite" in error
    assert (output / "prompts.jsonl").read_text() == before
    assert quotetune("prepare", "passages", path, "-o", output, "--overwrite")[0] == 0
    assert json.loads((output / "prompts.jsonl").read_text())["id"] == "other"
    assert (output / "index").is_dir()
    # A failure keeps the files that are there.
    write_jsonl(path, [ROW, 7])
    assert error_of(quotetune, "passages", path, "-o", output, "--overwrite")[0] == 1
    assert json.loads((output / "prompts.jsonl").read_text())["id"] == "other"
    assert len(list(output.iterdir())) == 3


def test_an_output_that_is_a_file_is_an_error(quotetune: Command, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "own.jsonl", [ROW])
    code, error = error_of(quotetune, "squad", path, "-o", path)
    assert code == 1 and error.startswith(f"{path}: cannot be made")


def test_a_killed_command_leaves_no_file_under_its_name(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "own.jsonl", [ROW | {"id": i} for i in range(200_000)])
    output = tmp_path / "out"
    script = "from quotetune.cli import main; main()"
    command = [sys.executable, "-c", script, "prepare", "squad", str(path), "-o", str(output)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not (output / ".prompts.jsonl.partial").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert not [file for file in output.iterdir() if not file.name.startswith(".")]


def test_translations_have_the_same_ids(quotetune: Command, tmp_path: Path) -> None:
    for language in ("en", "de"):
        (tmp_path / f"x/own.{language}.json").parent.mkdir(exist_ok=True)
        (tmp_path / f"x/own.{language}.json").write_text(json.dumps(squad()))
    code, error = error_of(quotetune, "squad", tmp_path / "x", "-o", tmp_path / "out")
    assert code == 1 and "prepare translations of one data set separately" in error


def test_files_that_are_links_are_replaced_where_they_lead(
    quotetune: Command, tmp_path: Path
) -> None:
    path = write_jsonl(tmp_path / "own.jsonl", [{"question": "What is ice?", "passage": "Ice."}])
    output = tmp_path / "out"
    output.mkdir()
    (tmp_path / "far.jsonl").write_text("{}\n", encoding="utf-8")
    (output / "prompts.jsonl").symlink_to(tmp_path / "far.jsonl")
    assert quotetune("prepare", "passages", path, "-o", output, "--overwrite")[0] == 0
    assert [row["prompt"] for row in rows(output / "prompts.jsonl")] == ["What is ice?"]
