"""What a long command shows on standard error."""

import io
import sys

import pytest

from quotetune.runtime.console import status


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_off_a_terminal_each_work_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with status() as tell:
        tell("loading runs/[bold]")
        tell("answering")
    assert capsys.readouterr() == ("", "loading runs/[bold]\nanswering\n")


def test_on_a_terminal_the_work_is_shown_and_then_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with status() as tell:
        tell("loading runs/[bold]")
    assert "loading runs/[bold]" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")  # erases the line
