"""The `quotetune` command, run in this process."""

import io
import sys

import pytest

from quotetune.cli import main


def quotetune(*arguments: object, stdin: str | bytes = "") -> int:
    """Run the command; return its exit status."""
    given = io.BytesIO(stdin if isinstance(stdin, bytes) else stdin.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["quotetune", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(given))
        with pytest.raises(SystemExit) as caught:
            main()
    return int(caught.value.code or 0)
