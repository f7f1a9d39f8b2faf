"""The `quotetune` command, run in this process."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from quotetune.cli import main


def quotetune(*arguments: object, stdin: str | bytes = "") -> int:
    """Run the command; return its exit status."""
    given = stdin if isinstance(stdin, bytes) else stdin.encode()
    with pytest.MonkeyPatch.context() as patch, _standard_input(given):
        patch.setattr(sys, "argv", ["quotetune", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        with pytest.raises(SystemExit) as caught:
            main()
    return int(caught.value.code or 0)


@contextmanager
def _standard_input(content: bytes) -> Iterator[None]:
    """Give the process a standard input, for what reads it without Python."""
    before = os.dup(0)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        os.dup2(file.fileno(), 0)
        try:
            yield
        finally:
            os.dup2(before, 0)
            os.close(before)
