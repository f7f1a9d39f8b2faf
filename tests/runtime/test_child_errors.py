"""An error of a child reaches its parent as the same kind of error, in one line."""

import json
import os
import signal
from pathlib import Path

import pytest

from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.child import obituary, run_child

_MODULE = """
from quotetune import errors
from quotetune.runtime.child import child_main

def work(job, directory, report):
    raise {**vars(errors), "ValueError": ValueError}[job["kind"]](job["text"])

if __name__ == "__main__":
    child_main("work", work)
"""


@pytest.mark.parametrize(
    ("kind", "text", "told", "status"),
    [
        ("QuotetuneError", "step 2 of 6: the loss is nan", "step 2 of 6: the loss is nan", 1),
        ("UsageError", "prompt p1 is too long", "prompt p1 is too long", 2),
        ("ValueError", "two\nlines", "work failed with ValueError: two lines", 1),
    ],
)
def test_an_error_of_a_child_is_that_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str, told: str, status: int
) -> None:
    (tmp_path / "child_that_fails.py").write_text(_MODULE)
    (tmp_path / "job.json").write_text(json.dumps({"kind": kind, "text": text}))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.getenv("PYTHONPATH", "")]))
    with pytest.raises(QuotetuneError) as caught:
        run_child(
            "child_that_fails",
            tmp_path / "job.json",
            tmp_path / "log",
            lambda event: pytest.fail(f"it reports {event}"),
            name="work",
        )
    assert str(caught.value) == told
    assert caught.value.exit_code == status
    assert isinstance(caught.value, UsageError) == (kind == "UsageError")
    assert "Traceback" in (tmp_path / "log").read_text()


def test_only_a_process_that_was_not_killed_may_have_said_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("no room on the GPU\nLoading weights: 100%\n")
    killed, died = obituary("work", -signal.SIGKILL, log), obituary("work", -signal.SIGABRT, log)
    failed = obituary("work", 1, log)
    where = f"(its log is {log})"
    assert killed == f"the work process was killed, perhaps because memory ran out {where}"
    assert died == f"the work process died of SIGABRT: Loading weights: 100% {where}"
    assert failed == f"the work process ended with status 1: Loading weights: 100% {where}"
