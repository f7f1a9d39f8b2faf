"""What the command prints under any locale, and to whoever reads it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quotetune import UsageError, build_index
from quotetune.runtime.child import run_child
from quotetune.runtime.streams import typed_text

QUOTE = "Zażółć gęślą jaźń — the quick brown fox jumps over 日本"
LOCALES = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "C.UTF-8": {"LC_ALL": "C.UTF-8"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    build_index([QUOTE], folder / "index")
    line = json.dumps({"text": QUOTE}, ensure_ascii=False) + "\n"
    (folder / "one.jsonl").write_text(line, "utf-8")
    # More than fits into a pipe.
    (folder / "many.jsonl").write_text(line * 2000, "utf-8")
    return folder


def run(folder: Path, *arguments: object, **options) -> subprocess.CompletedProcess[bytes]:
    changed = options.pop("environment", {})
    unset = {"PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "LC_CTYPE", "LANG"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-m", "quotetune", *map(os.fspath, map(str, arguments))]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": folder} | options
    return subprocess.run(command, env=environment | changed, check=False, timeout=300, **options)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("command", ["score", "trace", "cite"])
def test_data_is_utf_8_in_every_locale(folder: Path, command: str, locale: str) -> None:
    result = run(folder, command, "index", "one.jsonl", environment=LOCALES[locale])
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    assert json.loads(result.stdout.decode("utf-8"))["text"] == QUOTE


@pytest.mark.parametrize("locale", LOCALES)
def test_a_text_of_the_command_line_arrives_in_every_locale(folder: Path, locale: str) -> None:
    result = run(folder, "cite", "index", "--text", QUOTE, environment=LOCALES[locale])
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode("utf-8").startswith(QUOTE + "[^1]\n")


@pytest.mark.parametrize("locale", LOCALES)
def test_messages_are_utf_8_or_escapes_in_every_locale(folder: Path, locale: str) -> None:
    result = run(folder, "build-index", "żó.jsonl", "-o", "other", environment=LOCALES[locale])
    message = result.stderr.decode("utf-8")
    assert result.returncode == 2 and message.count("\n") == 1, message
    assert message.startswith("error: ") and "no such file" in message
    if locale == "C.UTF-8":
        assert "żó.jsonl" in message
    if locale in ("ascii", "cp1252"):
        assert r"\u017c\xf3.jsonl" in message


def test_a_file_name_that_is_not_utf_8_is_shown_with_escapes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    build_index([QUOTE], tmp_path / name)
    for locale in LOCALES.values():
        result = run(tmp_path, "verify", name, environment=locale)
        assert result.returncode == 0, result.stderr
        assert result.stdout.decode("utf-8").startswith(r"caf\udce9: undamaged")
        result = run(tmp_path, "score", name + "x", "--text", "x", environment=locale)
        assert result.returncode == 1
        assert "no index here" in result.stderr.decode("utf-8")


@pytest.mark.parametrize("arguments", [(), ("--output", "/dev/stdout")])
@pytest.mark.parametrize("command", ["score", "trace", "cite"])
@pytest.mark.parametrize("input", ["one.jsonl", "many.jsonl"])
def test_a_closed_pipe_ends_the_command_in_silence(
    folder: Path, command: str, input: str, arguments: tuple[str, ...]
) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        result = run(folder, command, "index", input, *arguments, stdout=pipe)
    assert result.stderr == b""
    assert result.returncode == 128 + 13


def test_a_failure_is_told_even_if_nobody_reads_the_data(folder: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        result = run(folder, "score", "missing", "one.jsonl", stdout=pipe)
    assert result.returncode == 1
    assert b"no index here" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a full device")
@pytest.mark.parametrize(
    "command",
    [
        ("score", "index", "one.jsonl"),
        ("score", "index", "many.jsonl"),
        ("cite", "index", "--text", "x"),
        ("info", "index"),
        ("info", "index", "--json"),
        ("build-index", "--help"),
    ],
)
def test_a_full_disk_at_standard_output_is_one_line(folder: Path, command: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        result = run(folder, *command, stdout=full)
    message = result.stderr.decode()
    assert result.returncode == 1
    assert message.startswith("error: standard output: cannot be written (No space left")
    assert message.count("\n") == 1


def closed(*streams: int):
    return lambda: [os.close(stream) for stream in streams]


def test_closed_streams_lose_nothing_without_a_word(folder: Path) -> None:
    result = run(folder, "score", "index", "one.jsonl", preexec_fn=closed(1))
    assert result.returncode == 2
    assert b"standard output is closed: name a file with --output" in result.stderr
    result = run(folder, "score", "missing", "one.jsonl", preexec_fn=closed(2))
    assert (result.returncode, result.stdout) == (1, b"")


def test_a_text_that_is_no_utf_8_stays_as_it_was_typed() -> None:
    assert typed_text("naïve") == "naïve"
    for argument in ("\udce9", "\ud800"):
        with pytest.raises(UsageError, match=r"'\\u.* is not UTF-8: type it in UTF-8"):
            typed_text(argument)


CHILD = """
import sys
from quotetune.runtime.child import child_main

def work(job, directory, report):
    print("日本")
    print("日本", file=sys.stderr)
    (directory / "written").write_text("日本")
    report({"said": "日本"})

child_main("work", work)
"""


def test_a_child_may_print_and_write_any_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_child.py").write_text(CHILD, "utf-8")
    (tmp_path / "job.json").write_text("{}")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    for name, value in {**LOCALES["C"], **LOCALES["cp1252"]}.items():
        monkeypatch.setenv(name, value)
    reports: list[dict[str, object]] = []
    run_child("a_child", tmp_path / "job.json", tmp_path / "log", reports.append, name="work")
    assert reports == [{"said": "日本"}]
    assert (tmp_path / "log").read_text("utf-8").count("日本") == 2
    assert (tmp_path / "written").read_text("utf-8") == "日本"
