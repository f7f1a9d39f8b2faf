"""The `quotetune` command, run in a separate process, as a user runs it."""

import json
import subprocess
import sys
from typing import Any


def quotetune(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    script = "from quotetune.cli import main; main()"
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


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
