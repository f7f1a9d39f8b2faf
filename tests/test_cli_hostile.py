"""Input that once gave a traceback, and outputs that once destroyed what they were pointed at."""

import json
import os
import threading
from pathlib import Path

import pytest

from quotetune import QuotetuneError, build_index
from quotetune.cli.records import read_batches, write_record, written
from quotetune.config_file import apply_overrides, read_yaml
from quotetune.errors import UsageError
from quotetune.prompts import _json_rows
from quotetune.whole_files import write_text


@pytest.mark.parametrize("write", ["records", "text"])
def test_an_output_that_is_a_pipe_is_written_to_and_stays_a_pipe(
    tmp_path: Path, write: str
) -> None:
    # A pipe of our own stands for /dev/null, which the rename once replaced.
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
    reader.join(timeout=10)
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
    b'{"text": "x", "prompt": "x", "m": ' + b"9" * 5000 + b"}",
    b'{"text": "\\ud800", "prompt": "\\ud800"}',
]


@pytest.mark.parametrize("line", HOSTILE, ids=["deep", "digits", "surrogate"])
def test_a_hostile_record_is_an_error_that_names_its_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"text": "a", "prompt": "a"}\n' + line + b"\n")
    with pytest.raises(QuotetuneError, match=r"in\.jsonl:2: "):
        list(read_batches(path, "text", None))
    with pytest.raises(UsageError, match=r"in\.jsonl:2: "):
        list(_json_rows(path))


def test_a_lone_surrogate_in_another_field_passes_through(tmp_path: Path) -> None:
    with written(tmp_path / "out") as file:
        write_record(file, {"text": "é", "other": "\ud800"})
    assert json.loads((tmp_path / "out").read_text()) == {"text": "é", "other": "\ud800"}


@pytest.mark.parametrize("options", [{"n": -3}, {"n": 10**30}, {"threads": 10**8}])
def test_numbers_out_of_range_are_usage_errors(tmp_path: Path, options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        build_index(["text"], tmp_path / "index", **options)
    assert list(tmp_path.iterdir()) == []


def test_more_than_there_can_be_is_all_there_is(tmp_path: Path) -> None:
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
