"""What a long command shows on standard error."""

import io
import sys

import pytest

from quotetune.runtime.console import progress, status


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


def test_off_a_terminal_the_end_of_a_step_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("sampling", "parts") as report:
        for done, note in [(0, ""), (1, "9 tokens/s"), (2, "8 tokens/s"), (2, "7 tokens/s")]:
            report(done, 2, note)
    assert capsys.readouterr().err == "sampling: 0/2 parts\nsampling: 2/2 parts, 8 tokens/s\n"


def test_a_step_that_goes_on_with_more_work_ends_again(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("training", "steps") as report:
        for total in (1, 1, 2, 2):
            report(total, total)
        report(0, 2)
        report(2, 2)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["training: 1/1 steps", *["training: 2/2 steps"] * 2]
