"""Inputs that once gave a traceback, and outputs that once destroyed the file that they named."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from quotetune import QuotetuneError, build_index
from quotetune.cli.records import read_batches, write_record, written
from quotetune.config.file import apply_overrides, read_yaml
from quotetune.errors import UsageError
from quotetune.prompts.prompt import load_prompts
from quotetune.prompts.reading import _rows
from quotetune.runtime.whole_files import write_text, written_directory


@pytest.mark.parametrize("write", ["records", "text"])
def test_an_output_that_is_a_pipe_is_written_to_and_stays_a_pipe(
    tmp_path: Path, write: str
) -> None:
    # A named pipe takes the place of /dev/null, which the rename once replaced.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    if write == "records":
        with written(pipe) as file:
            write_record(file, {"a": 1})
    else:
        write_text(pipe, '{"a": 1}\n')
    assert pipe.is_fifo()
    reader.join()
    assert read == ['{"a": 1}\n']
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_an_output_that_is_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with written(tmp_path / "link") as file:
        write_record(file, {"a": 1})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == '{"a": 1}\n'


HOSTILE = [
    b'{"text": "x", "prompt": "x", "m": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"text": "x", "prompt": "x", "m": ' + b"9" * 5000,
    b'{"text": "\\ud800", "prompt": "\\ud800"}',
]


@pytest.mark.parametrize("line", HOSTILE, ids=["deep", "cut", "surrogate"])
def test_a_hostile_record_is_an_error_that_names_its_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"text": "a", "prompt": "a"}\n' + line + b"\n")
    with pytest.raises(QuotetuneError, match=r"in\.jsonl:2: "):
        list(read_batches(path, "text", None))
    with pytest.raises(UsageError, match=r"in\.jsonl:2: "):
        list(_rows(path))


def test_a_lone_surrogate_in_another_field_passes_through(tmp_path: Path) -> None:
    with written(tmp_path / "out") as file:
        write_record(file, {"text": "é", "other": "\ud800"})
    assert json.loads((tmp_path / "out").read_text()) == {"text": "é", "other": "\ud800"}


@pytest.mark.parametrize("options", [{"n": -3}, {"n": 10**30}, {"threads": 10**8}])
def test_numbers_out_of_range_are_usage_errors(tmp_path: Path, options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        build_index(["text"], tmp_path / "index", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_number_larger_than_any_count_means_all(tmp_path: Path) -> None:
    index = build_index(["x" * 30], tmp_path / "index")
    [quote] = index.trace("x" * 30, max_documents=10**25)
    assert len(quote.documents) == 1
    assert index.trace("x" * 30, min_chars=10**25) == []


@pytest.mark.parametrize("text", ["{[1]: 2}", "a: 2024-13-45", "[" * 3000])
def test_yaml_that_python_cannot_hold_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"c\.yaml.*not YAML"):
        read_yaml(tmp_path / "c.yaml")
    with pytest.raises(UsageError, match="not YAML"):
        apply_overrides({}, [f"a.b={text.removeprefix('a: ')}"])


def run_cli(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quotetune", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_a_corrupt_parquet_file_of_prompts_is_one_line(tmp_path: Path) -> None:
    build_index(["text"], tmp_path / "index")
    (tmp_path / "prompts.parquet").write_bytes(b"PAR1 and then nothing that Parquet knows PAR1")
    prompts = tmp_path / "prompts.parquet"
    result = run_cli("evaluate", tmp_path, "--index", tmp_path / "index", "--prompts", prompts)
    assert result.returncode == 2
    assert f"{prompts}: cannot be read as Parquet" in result.stderr
    assert result.stderr.count("\n") == 1
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        load_prompts(prompts)


def test_an_unexpected_error_is_one_line_and_names_debug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from quotetune import cli

    def fail() -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr(sys, "argv", ["quotetune", "info"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("error: unexpected ZeroDivisionError: by zero:") and "--debug" in said
    assert said.count("\n") == 1
    monkeypatch.setattr(sys, "argv", ["quotetune", "--debug", "info"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_ctrl_c_at_the_terminal_says_so_and_exits_130(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "quotetune", "build-index", "-", "-o", tmp_path / "index"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        while not (tmp_path / "index.partial").exists():
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait()
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.splitlines()[-1] == "interrupted: run the same command again"
    assert list(tmp_path.iterdir()) == []


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a", "prompt": "a"}\n')
    assert [[entry.text for entry in batch] for batch in read_batches(path, "text", None)] == [
        ["a"]
    ]
    assert [row["prompt"] for _, row in _rows(path)] == ["a"]


@pytest.mark.parametrize("write", [written, written_directory])
def test_an_output_leaves_neighbours_alone(tmp_path: Path, write) -> None:
    theirs = {tmp_path / f"out.{name}" for name in ("partial", "tmp", "replaced", "old")}
    for place in theirs:
        place.mkdir()
        (place / "precious").write_text("somebody's")
    with write(tmp_path / "out"):
        pass
    assert {*tmp_path.iterdir()} == {tmp_path / "out", *theirs}
    assert all((place / "precious").exists() for place in theirs)


def test_a_link_that_leads_to_itself_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(QuotetuneError, match="loop: is a link that leads to itself"):
        write_text(tmp_path / "loop", "")


def test_a_directory_that_was_not_finished_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "input"
    with pytest.raises(FileNotFoundError), written_directory(tmp_path / "out") as directory:
        (directory / "begun").write_text("x")
        missing.read_text()
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        pytest.raises(QuotetuneError, match=r"out: cannot be written \(No space .*make room"),
        written_directory(tmp_path / "out"),
    ):
        raise full
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (lambda index: index.document("\ud800", "0"), "no document"),
        (lambda index: index.quip(["x"], documents=[None]), "one list of"),
        (lambda index: index.quip(["x"], documents=[[("documents", "\ud800")]]), "one list of"),
        (lambda index: index.quip(["x"], documents=["ab"]), "one list of"),
    ],
)
def test_invalid_identities_are_quotetune_errors(tmp_path: Path, ask, part: str) -> None:
    index = build_index(["text"], tmp_path / "index")
    with pytest.raises(QuotetuneError, match=part):
        ask(index)


def test_one_name_of_a_field_is_a_name_and_not_its_letters(tmp_path: Path) -> None:
    record = {"text": "x" * 30, "title": "T", "t": "wrong"}
    index = build_index([record], tmp_path / "index", meta_keys="title")
    assert index.document("documents", "0").metadata == {"title": "T"}


def test_names_in_a_list_may_have_spaces_and_an_input_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 30)
    output = tmp_path / "index"
    result = run_cli(
        "build-index", tmp_path / "a.txt", "-o", output, "--structures", "bloom, suffix"
    )
    assert result.returncode == 0, result.stderr
    result = run_cli("build-index", "", "-o", tmp_path / "other")
    assert result.returncode == 2 and "an input has no name" in result.stderr


def test_invalid_options_are_one_line_errors(tmp_path: Path) -> None:
    build_index(["text"], tmp_path / "index")
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    build = ("build-index", tmp_path / "in.jsonl", "-o", tmp_path / "other")
    for arguments, part in (
        ((*build, "--expected-ngrams", "99999999999999"), "no memory for a filter"),
        ((*build, "--memory-limit", "9" * 20), "memory_limit"),
        ((*build, "--memory-limit", "much"), "memory limit"),
        (("trace", tmp_path / "index", tmp_path / "in.jsonl", "--text", "x"), "exclude each other"),
        (
            ("evaluate", tmp_path / "no", "--index", tmp_path / "index", "--prompts", "p.jsonl"),
            "p.jsonl",
        ),
    ):
        result = run_cli(*arguments)
        assert result.returncode == 2, result
        assert part in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "other").exists()


def test_an_output_that_cannot_be_a_file_is_refused_before_the_work(
    quotetune, tmp_path: Path
) -> None:
    for place, reason in ((tmp_path, "is a directory"), (tmp_path / "a" / "b", "does not exist")):
        status, _, error = quotetune("evaluate", "nothing.jsonl", "-o", place)
        assert status == 2
        assert f"--output {place}: " in error
        assert reason in error


def test_a_file_that_cannot_be_written_is_a_quotetune_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QuotetuneError, match=r"file/below: cannot be written .*choose another"):
        write_text(tmp_path / "file" / "below", "")
