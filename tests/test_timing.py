"""Calls that are measured in a child, which imports this file: it must import little."""

import time
from collections.abc import Callable

import pytest
from benchmarks import timing
from benchmarks.timing import in_child


def sleeper(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


def test_a_call_past_its_limit_is_ended_and_has_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "ENDING", 0.5)
    assert in_child(sleeper, (60,), 0.1) is None
    measured = in_child(sleeper, (0.2,), 3600)
    assert measured is not None
    assert measured.wall >= 0.2


def failing() -> None:
    raise ValueError("no such peer")


def test_a_call_that_fails_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="failing"):
        in_child(failing, (), 3600)
    assert "no such peer" in capsys.readouterr().err
