"""File systems that lack what a local disk has: locks, and the fsync of directories.

A library that is loaded before the system's answers `flock` and `fsync` as such a file system does.
It is in Rust, which every machine has that builds quotetune.
"""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quotetune import UsageError, build_index
from quotetune.pipeline.run import _lock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="loads a library with LD_PRELOAD")

LIBRARY = """
use std::ffi::{c_int, c_long};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn __errno_location() -> *mut c_int;
}

fn wanted(name: &str) -> Option<c_int> {
    std::env::var(name).ok()?.parse().ok()
}

fn fail(code: c_int) -> c_int {
    unsafe { *__errno_location() = code };
    -1
}

#[unsafe(no_mangle)]
pub extern "C" fn flock(file: c_int, operation: c_int) -> c_int {
    match wanted("FLOCK_FAILS") {
        Some(code) => fail(code),
        None => unsafe { syscall(FLOCK, file, operation) as c_int },
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn fsync(file: c_int) -> c_int {
    let found = std::fs::metadata(format!("/proc/self/fd/{file}"));
    let is_directory = found.is_ok_and(|it| it.is_dir());
    match wanted("DIRECTORY_FSYNC_FAILS") {
        Some(code) if is_directory => fail(code),
        _ => unsafe { syscall(FSYNC, file) as c_int },
    }
}

const FLOCK: c_long = {};
const FSYNC: c_long = {};
"""
# The numbers of the calls. x86-64 has its own, and newer processors share theirs.
NUMBERS = (73, 74) if os.uname().machine == "x86_64" else (32, 82)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    code, _, constants = LIBRARY.partition("const FLOCK")
    (folder / "fs.rs").write_text(code + f"const FLOCK{constants}".format(*NUMBERS))
    options = ["--edition", "2024", "--crate-type", "cdylib", "-o", str(folder / "fs.so")]
    subprocess.run(["rustc", *options, str(folder / "fs.rs")], check=True)
    return folder / "fs.so"


@pytest.fixture
def run(library: Path, tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(line("a"))
    (tmp_path / "b.jsonl").write_text(line("b"))
    build_index([tmp_path / "a.jsonl"], tmp_path / "there")
    build_index([tmp_path / "b.jsonl"], tmp_path / "other")

    def run(*arguments: object, **failures: int) -> subprocess.CompletedProcess[str]:
        failing = {name.upper(): str(code) for name, code in failures.items()}
        return subprocess.run(
            [sys.executable, "-m", "quotetune", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"LD_PRELOAD": str(library)} | failing,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def line(id: str) -> str:
    text = f"The text of {id}, which is long enough for a quote."
    return json.dumps({"id": id, "text": text}) + "\n"


CHANGES = [
    ("build-index", "a.jsonl", "-o", "new"),
    ("build-index", "a.jsonl", "-o", "deep/er/new"),
    ("build-index", "a.jsonl", "-o", "there", "--overwrite"),
    ("add", "there", "b.jsonl"),
    ("remove", "there", "--source", "a"),
    ("merge", "there", "other", "-o", "new"),
    ("compact", "there"),
]


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_without_fsync_of_directories_all_changes_work(run, change) -> None:
    result = run(*change, directory_fsync_fails=errno.EINVAL)
    assert result.returncode == 0, result.stderr
    output = change[change.index("-o") + 1] if "-o" in change else "there"
    assert "undamaged" in run("verify", output).stdout


def test_an_fsync_that_fails_is_an_error(run) -> None:
    result = run(*CHANGES[0], directory_fsync_fails=errno.EIO)
    assert result.returncode == 1
    assert "cannot sync" in result.stderr


def everything(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_without_locks_a_change_is_refused_with_the_remedy(run, tmp_path: Path, change) -> None:
    for directory in ("there", "other"):
        (tmp_path / directory / "build.lock").unlink(missing_ok=True)
    before = everything(tmp_path)
    result = run(*change, flock_fails=errno.ENOLCK)
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert "its file system has no locks" in result.stderr
    assert "on a local disk, and copy it here" in result.stderr
    assert everything(tmp_path) == before


def test_what_others_have_put_there_stays(run, tmp_path: Path) -> None:
    (tmp_path / "new.partial").mkdir()
    (tmp_path / "new.partial" / "build.lock").touch()
    (tmp_path / "new.partial" / "text-0").write_text("a build on another machine")
    before = everything(tmp_path)
    assert run(*CHANGES[0], flock_fails=errno.ENOLCK).returncode == 2
    assert everything(tmp_path) == before


def test_without_locks_reading_works(run) -> None:
    for command in (("info", "there"), ("verify", "there"), ("score", "there", "a.jsonl")):
        result = run(*command, flock_fails=errno.ENOLCK)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_a_run_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", fail)
    with (
        pytest.raises(UsageError, match=r"no locks .*set run to a directory on a local disk"),
        _lock(tmp_path / "run"),
    ):
        pytest.fail("the run began")
