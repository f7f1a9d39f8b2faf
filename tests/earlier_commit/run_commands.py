"""Run `quotetune` commands in one process, of whichever quotetune the process imports.

`python -P run_commands.py RESULTS [--work-here] < COMMANDS`: a JSON list of lists of arguments
becomes a JSON list of [exit status, standard output, standard error]. With `--work-here` the work
of child processes is done in this one, which saves most of the time of a tiny run.
"""

import io
import json
import runpy
import sys
from pathlib import Path
from unittest import mock


def run(arguments: list[str]) -> tuple[int, str, str]:
    output, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    status = 0
    with (
        mock.patch.object(sys, "argv", ["quotetune", *arguments]),
        mock.patch.object(sys, "stdout", output),
        mock.patch.object(sys, "stderr", errors),
    ):
        try:
            runpy.run_module("quotetune", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            status = int(end.code or 0)
    for stream in (output, errors):
        stream.flush()
    return status, _written(output), _written(errors)


def _written(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


def main() -> None:
    results, *options = sys.argv[1:]
    commands = json.load(sys.stdin)
    if "--work-here" in options:
        import pytest

        import children

        children.work_here(pytest.MonkeyPatch())
    Path(results).write_text(json.dumps([run(command) for command in commands]), encoding="utf-8")


if __name__ == "__main__":
    main()
