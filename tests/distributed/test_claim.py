"""One command at a time makes or continues the plan of an output."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quotetune import UsageError
from quotetune.distributed import planning
from quotetune.distributed.claim import claimed
from quotetune.distributed.plan import Plan
from quotetune.distributed.planning import planned


def plan_of(corpus: Path, output: Path, **options: Any) -> Any:
    return planned([str(corpus)], output, options, shards=2, workers=lambda: 1, overwrite=False)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": f"text {n}"}) + "\n" for n in range(9)))
    return path


def test_a_second_command_is_refused_while_the_first_is_at_work(corpus: Path, tmp_path: Path):
    output = tmp_path / "index"
    with plan_of(corpus, output) as first:
        plan = output.with_name("index.parts") / "plan.json"
        before = plan.read_bytes()
        for options in ({}, {"n": 9}):
            with (
                pytest.raises(UsageError, match=r"index\.parts: another command builds there"),
                plan_of(corpus, output, **options),
            ):
                pass
        assert plan.read_bytes() == before
        with plan_of(corpus, tmp_path / "other") as other:
            assert isinstance(other, Plan)
    with plan_of(corpus, output) as again:
        assert again == first


def test_a_lock_whose_file_was_removed_meanwhile_is_no_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The first command ends, and removes the directory, between two steps of the second."""
    parts = tmp_path / "index.parts"
    lock, ended = fcntl.flock, []

    def lock_after_the_end_of_another(file: Any, how: int) -> None:
        if not ended:
            ended.append(True)
            shutil.rmtree(parts)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", lock_after_the_end_of_another)
    with claimed(parts):
        assert ended and parts.is_dir()
        with pytest.raises(UsageError, match="another command"), claimed(parts):
            pass


def test_an_output_that_appears_while_files_are_listed_is_not_built_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    output = tmp_path / "index"
    listed = planning._files

    def list_slowly(*arguments: Any) -> Any:
        files = listed(*arguments)
        output.mkdir()  # by the first command, which ends now
        return files

    monkeypatch.setattr(planning, "_files", list_slowly)
    with pytest.raises(UsageError, match="index: exists already"), plan_of(corpus, output):
        pass
    assert not output.with_name("index.parts").exists()


def test_a_command_that_was_killed_before_it_had_a_plan_is_repeated(corpus: Path, tmp_path: Path):
    parts = tmp_path / "index.parts"
    code = (
        "import sys, time; from pathlib import Path\n"
        "from quotetune.distributed.claim import claimed\n"
        "with claimed(Path(sys.argv[1])):\n"
        "    Path(sys.argv[1], '.sample-x').mkdir(); print(flush=True); time.sleep(600)\n"
    )
    command = [sys.executable, "-c", code, str(parts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(UsageError, match="another command"), claimed(parts):
            pass
        os.kill(child.pid, signal.SIGKILL)
    with plan_of(corpus, tmp_path / "index") as plan:
        assert plan.shards == 2


def test_a_directory_of_something_else_is_left_alone(corpus: Path, tmp_path: Path):
    parts = tmp_path / "index.parts"
    parts.mkdir()
    (parts / "lock").touch()
    (parts / "thesis.txt").write_text("years of work")
    with (
        pytest.raises(UsageError, match=r"index\.parts: cannot be made"),
        plan_of(corpus, tmp_path / "index"),
    ):
        pass
    assert sorted(path.name for path in parts.iterdir()) == ["lock", "thesis.txt"]
