"""The script for Slurm, run with a stand-in for `sbatch` that runs the tasks one by one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from quotetune import Index, QuotetuneError, UsageError, build_index
from quotetune.distributed.planning import planned

SBATCH = """#!/bin/bash
script=$(cat)
for argument in "$@"; do
    case $argument in
        --array=*) range=${argument#--array=} ;;
        --dependency=*) [ "$argument" = "--dependency=afterok:17" ] || exit 9 ;;
    esac
done
if [ -n "$range" ]; then
    for task in $(seq "${range%-*}" "${range#*-}"); do
        SLURM_ARRAY_TASK_ID=$task bash -c "$script" || exit 8
    done
    echo "17;cluster"
else
    bash -c "$script"
fi
"""


@pytest.fixture
def submit(tmp_path: Path) -> Callable[[str], None]:
    """Run a script where `sbatch` and `quotetune` are commands."""
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "sbatch").write_text(SBATCH)
    (commands / "quotetune").write_text(f'#!/bin/bash\nexec {sys.executable} -m quotetune "$@"\n')
    for command in commands.iterdir():
        command.chmod(0o755)

    def run(script: str) -> None:
        environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}"}
        # Not where the script was made.
        command = ["bash", "-c", script]
        result = subprocess.run(command, env=environment, cwd=commands, capture_output=True)
        if result.returncode:
            raise QuotetuneError(result.stderr.decode())

    return run


NAMES = ["index", "set.json", 'my "set.json', "it's\nEND\nof $HOME.json"]


def corpus(directory: Path) -> Path:
    directory.mkdir()
    for name in ("one's", "two"):
        lines = [json.dumps({"text": f"line {n} of {name}", "kind": n}) for n in range(30)]
        (directory / f"{name}.jsonl").write_text("\n".join(lines))
    return directory


@pytest.mark.parametrize("name", NAMES)
def test_the_script_builds_what_a_single_build_does(
    quotetune: Callable[..., tuple[int, str, str]],
    submit: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
):
    files = corpus(tmp_path / "a\nEND\ncorpus")
    output = tmp_path / name
    monkeypatch.chdir(tmp_path)
    command = ["build-index", files.name, "-o", name, "--executor", "slurm", "--shards", 3]
    status, script, errors = quotetune(*command, "--meta-keys", "kind", "-n", 9)
    assert status == 0, errors
    submit(script)
    single = build_index(files, tmp_path / "single", meta_keys="kind", n=9)
    if name == "index":
        parts = [output]
        assert not output.with_name("index.parts").exists()
    else:
        parts = [tmp_path / part for part in json.loads(output.read_text())]
        assert len(parts) == 3
    documents = [document for part in parts for document in Index.open(part).documents()]
    assert documents == list(single.documents())
    assert Index.open(output).n == 9


def test_a_script_that_is_run_again_leaves_shards_as_they_are(
    quotetune: Callable[..., tuple[int, str, str]], submit: Callable[[str], None], tmp_path: Path
):
    files = corpus(tmp_path / "corpus")
    output = tmp_path / "set.json"
    command = ["build-index", files, "-o", output, "--executor", "slurm", "--shards", 2]
    _, script, _ = quotetune(*command)
    submit(script)
    shards = sorted((tmp_path / "set.parts").glob("shard-*/manifest.json"))
    before = [shard.stat().st_mtime_ns for shard in shards]
    submit(script)
    assert [shard.stat().st_mtime_ns for shard in shards] == before
    assert len(before) == 2


def test_a_script_ends_where_a_single_build_does(
    quotetune: Callable[..., tuple[int, str, str]], submit: Callable[[str], None], tmp_path: Path
):
    files = corpus(tmp_path / "corpus")
    command = ["build-index", files, "--executor", "slurm", "--shards", 2, "-o"]
    _, changed, _ = quotetune(*command, tmp_path / "changed")
    (files / "two.jsonl").write_text('{"text": "another", "id": "7", "source": "one\'s"}\n')
    with pytest.raises(QuotetuneError, match=r"two\.jsonl: was changed after the build began"):
        submit(changed)
    # The seventh line of the other file, in the first shard, has this name, too.
    _, twice, _ = quotetune(*command, tmp_path / "set.json")
    with pytest.raises(QuotetuneError, match='the document "7" of source "one\'s" is also in'):
        submit(twice)
    assert not (tmp_path / "set.json").exists() and not (tmp_path / "changed").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("thesis", "holds files that are not an index"),
        ("thesis/a.txt", "exists and is not a directory"),
        ("set.json", "is a directory, and a list is a file"),
    ],
)
def test_an_output_that_cannot_be_replaced_is_refused_before_any_work(
    tmp_path: Path, name: str, message: str
):
    files = corpus(tmp_path / "corpus")
    for folder in ("thesis", "set.json"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text("years of work")
    with (
        pytest.raises(UsageError, match=message),
        planned([str(files)], tmp_path / name, {}, shards=2, workers=lambda: 1, overwrite=True),
    ):
        pass
    assert not list(tmp_path.rglob("*.parts"))


def test_urls_are_refused_and_leave_nothing(
    quotetune: Callable[..., tuple[int, str, str]], tmp_path: Path
):
    files = corpus(tmp_path / "corpus")
    command = ["build-index", files.as_uri(), "-o", tmp_path / "index", "--executor", "slurm"]
    status, _, errors = quotetune(*command)
    assert status == 2 and "URLs with --executor slurm" in errors
    assert list(tmp_path.iterdir()) == [files]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--executor", "dask"], "choose local, ray or slurm"),
        (["--shards", "3"], "--shards is for --executor ray or slurm"),
        (["--ray-address", "auto"], "--ray-address is for --executor ray"),
        (["--executor", "slurm", "--scratch", "x"], "--scratch is for --executor ray"),
        (["--executor", "slurm", "--shard", "1/2"], "--shard with --executor"),
        (["--executor", "ray", "--dry-run"], "--dry-run with --executor"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    quotetune: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
    arguments: list[str],
    message: str,
):
    files = corpus(tmp_path / "corpus")
    status, _, errors = quotetune("build-index", files, "-o", tmp_path / "index", *arguments)
    assert status == 2
    assert message in errors
