"""One opener for every file of text: `_core.open_text` and `_core.open_records`."""

import bz2
import gzip
import lzma
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import run

import pytest

from quotetune import _core
from quotetune.errors import QuotetuneError

TEXT = '{"text": "naïve 東京"}\n'.encode()


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("size", [-1, 1, 7, 1 << 20])
def test_a_file_is_read_in_steps_of_any_size(
    tmp_path: Path, compress: Callable[[bytes], bytes], size: int
) -> None:
    path = tmp_path / "file"
    data = compress(TEXT)
    path.write_bytes(data)
    file = _core.open_text(path)
    read = []
    while part := file.read(size):
        assert size < 0 or len(part) <= size
        read.append(part)
    assert b"".join(read) == TEXT
    assert file.read() == b""
    assert file.bytes_read == len(data)


def test_utf_16_comes_as_utf_8_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(TEXT.decode().encode("utf-16"))
    assert _core.open_text(path).read() == TEXT


def test_records_are_lines_that_are_not_blank_or_elements_of_an_array(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\n{"a": 1}\n  \n{"a": 2}')
    records = _core.open_records(path)
    assert list(records) == [(2, b'{"a": 1}'), (4, b'{"a": 2}')]
    assert records.place(4) == f"{path}:4"
    path.write_bytes(b'[{"a": 1},\n{"a":\n2}]\n')
    records = _core.open_records(path)
    assert list(records) == [(1, b'{"a": 1}'), (2, b'{"a":\n2}')]
    assert records.place(2) == f"{path}: object 2"


def test_what_cannot_be_read_is_an_error_with_place_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(TEXT)[:-4])
    with pytest.raises(QuotetuneError, match=r"a\.jsonl: cannot read on: truncated gzip data: "):
        _core.open_text(path).read()
    with pytest.raises(QuotetuneError, match=r"a\.jsonl:2: cannot read on: truncated gzip data"):
        list(_core.open_records(path))
    path.write_bytes(b"PAR1\x15\x04\x15")
    with pytest.raises(QuotetuneError, match=r"a\.jsonl: Parquet data: name the uncompressed file"):
        _core.open_text(path)
    with pytest.raises(QuotetuneError, match=r"cannot open .*nowhere: .*check the path"):
        _core.open_records(tmp_path / "nowhere")


def test_a_name_that_is_no_utf_8_is_opened(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.jsonl"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(TEXT)
    assert _core.open_text(os.fsdecode(path)).read() == TEXT


class AlarmError(Exception):
    """What the handler of a signal raises."""


@pytest.mark.parametrize("has_writer", [False, True])
def test_a_signal_ends_the_wait_for_a_pipe(tmp_path: Path, has_writer: bool) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR) if has_writer else None

    def ring(*_: object) -> None:
        raise AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(AlarmError):
            _core.open_text(path).read()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if writer is not None:
            os.close(writer)


def test_a_signal_whose_handler_returns_ends_no_wait(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
        wait = threading.Timer(0.5, lambda: path.write_bytes(TEXT))
        wait.start()
        assert _core.open_text(path).read() == TEXT
        assert rung
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_standard_input_is_read_without_its_mark() -> None:
    code = "from quotetune import _core; print(_core.open_text(None).read())"
    data = b"\xef\xbb\xbf" + TEXT
    done = run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert done.stdout.decode().strip() == repr(TEXT)
