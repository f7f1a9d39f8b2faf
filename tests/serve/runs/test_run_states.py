"""Runs that are not finished, damaged, of another index, or not for everybody."""

import json
import shutil
from pathlib import Path

import pytest

import command_line
from http_server import Server, serving
from processes import wait_until
from quotetune import UsageError, build_index
from quotetune.serve.run_catalog import check_runs

TOKEN = "0123456789abcdef0123"


def test_a_run_names_the_index_that_it_was_measured_with(server: Server, folder: Path) -> None:
    described = server.get("/runs/run").json
    assert (described["index"], described["notes"]) == ("index", [])
    assert [row["key"] for row in described["rows"]] == ["base", "round-1", "round-2"]
    assert described["tuned"] == "round-2" and described["prompts"] == 3
    build_index(["Another text that no run was measured with."], folder / "other", n=8)
    with serving(folder / "other", folder / "other", "--run", folder / "run") as other:
        described = other.get("/runs/run").json
        assert described["index"] is None
        assert described["notes"][0].startswith("This run was measured with another index")
        assert "corpus of" not in str(described["facts"])
        # It is still a run with responses; only their quotes cannot be marked.
        assert other.get("/runs/run/prompts/0").json["responses"]["base"]["text"]
        # The run's index in its place is known from the next request on.
        shutil.rmtree(folder / "other")
        shutil.copytree(folder / "index", folder / "other")
        assert other.get("/runs/run").json["index"] == "other"


def test_a_run_that_is_not_finished_says_so_and_is_there_when_it_is(server, folder: Path) -> None:
    for path in ("/runs/begun", "/runs/begun/prompts", "/runs/begun/prompts/0"):
        answer = server.get(path)
        assert answer.status == 409
        assert answer.json["error"].startswith("the run begun is not finished: wait until")
    shutil.copytree(folder / "run", folder / "begun", dirs_exist_ok=True)
    try:
        assert server.get("/runs/begun").json["title"] == "begun"
        assert server.get("/runs").json["runs"][2]["finished"] is True
        metrics = json.loads((folder / "begun/metrics.json").read_text())
        (folder / "begun/metrics.json").write_text(json.dumps(metrics | {"schema": 2}))
        answer = server.get("/runs/begun")
        assert answer.status == 409 and "another version of quotetune" in answer.json["error"]
    finally:
        (folder / "begun/metrics.json").unlink()
    assert server.get("/runs/begun").status == 409


def test_a_run_that_is_being_made_again_says_so(server: Server, folder: Path) -> None:
    partial = folder / "run/evaluation/round-2/samples.partial"
    partial.mkdir()
    try:
        (note,) = server.get("/runs/run").json["notes"]
        assert note.startswith("A part of this run is being made again")
    finally:
        partial.rmdir()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 3}', "\x00"])
def test_a_damaged_run_is_named_without_its_path(server, folder: Path, content: str) -> None:
    metrics = folder / "run/metrics.json"
    kept = metrics.read_bytes()
    metrics.write_text(content)
    try:
        answer = server.get("/runs/run")
        assert answer.status == 503
        assert answer.json["error"] == "the run run cannot be read: look into the server's log"
        wait_until(lambda: f"{folder / 'run'}: not the files" in server.errors.read_text())
    finally:
        metrics.write_bytes(kept)
    assert server.get("/runs/run").status == 200


def test_a_run_is_behind_the_token(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    options = ["--run", folder / "run", "--auth-token-file", tmp_path / "token"]
    with serving(tmp_path, folder / "index", *options) as server:
        for path in ("/runs", "/runs/run", "/runs/run/prompts", "/runs/run/prompts/0", "/runs/x"):
            assert server.get(path).status == 401
            token = {"authorization": f"Bearer {TOKEN}"}
            assert server.get(path, **token).status == (404 if path == "/runs/x" else 200)
        page = server.get("/")
        assert page.status == 200
        for part in ("What jumps?", "quick brown", "round 1"):
            assert part not in page.body.decode()


def test_without_runs_there_are_none(folder: Path, tmp_path: Path) -> None:
    with serving(tmp_path, folder / "index") as server:
        assert server.get("/runs").json == {"runs": []}
        assert server.get("/runs/run").json == {"error": "no such run: start the server with --run"}


def test_the_log_names_the_run(server: Server) -> None:
    server.get("/runs/run/prompts?search=secretword")
    assert server.line(path="/runs/run/prompts", run="run")["status"] == 200
    assert "secretword" not in server.log.read_text()


def test_a_directory_that_is_no_run_is_a_usage_error(folder: Path, tmp_path: Path) -> None:
    check_runs({"a": str(folder / "run"), "b": str(folder / "begun")})
    index = folder / "index"
    result = command_line.quotetune("serve", index, "--run", tmp_path)
    command_line.assert_fails(result, 2, "not the directory of a run (it has no config.yaml)")
    runs = [f"a={folder / 'run'}", f"a={folder / 'begun'}"]
    result = command_line.quotetune("serve", index, "--run", runs[0], "--run", runs[1])
    command_line.assert_fails(result, 2, "another run is named 'a': give the run as NAME=PATH")
    for content in ("a: [", "[]", "text", "model: 1", "\x00", ""):
        (tmp_path / "config.yaml").write_text(content)
        with pytest.raises(UsageError, match=r"config\.yaml"):
            check_runs({"a": str(tmp_path)})
    (tmp_path / "config.yaml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="cannot be read"):
        check_runs({"a": str(tmp_path)})


def test_the_runs_are_listed_with_their_state(server: Server) -> None:
    assert server.get("/runs").json == {
        "runs": [
            {"name": "run", "finished": True},
            {"name": "evil", "finished": True},
            {"name": "begun", "finished": False},
        ]
    }


def test_no_answer_was_an_error_of_the_server(server: Server) -> None:
    assert {line["status"] for line in server.lines()} <= {200, 404, 409, 422, 503}
    assert "Traceback" not in server.errors.read_text()
