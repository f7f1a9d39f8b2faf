"""The `quotetune` command with its output, run in this process: to start one takes half a second.

tests/runtime/test_streams.py runs it in a process of its own, as a user does.
"""

import io
import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import command


def quotetune(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    shown, said = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(shown), redirect_stderr(said):
        code = command.quotetune(*arguments, stdin=stdin)
    out, err = (stream.buffer.getvalue().decode() for stream in (shown, said))
    return subprocess.CompletedProcess(list(map(str, arguments)), code, out, err)


def records(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def assert_fails(result: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """Check for one line on stderr, no traceback, and nothing on stdout."""
    assert result.returncode == code
    assert result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.stderr
    for part in parts:
        assert part in result.stderr
