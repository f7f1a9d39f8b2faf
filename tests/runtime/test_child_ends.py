"""A child ends with all processes that it has started, however it ends."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from processes import is_running, wait_until
from quotetune.errors import QuotetuneError
from quotetune.runtime.child import run_child

_MODULE = """
import multiprocessing, os, time
from quotetune.runtime.child import child_main

def work(job, directory, report):
    engine = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    engine.start()
    report({"processes": [os.getpid(), engine.pid]})
    time.sleep(600)

if __name__ == "__main__":
    child_main("work", work)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_a_process_that_a_child_has_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "child_with_engine.py").write_text(_MODULE)
    (tmp_path / "job.json").write_text(json.dumps({}))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.getenv("PYTHONPATH", "")]))
    processes: list[int] = []

    def stop(event: dict[str, Any]) -> None:
        processes.extend(event["processes"])
        assert all(map(is_running, processes))
        raise QuotetuneError("stopped")

    with pytest.raises(QuotetuneError, match="stopped"):
        run_child("child_with_engine", tmp_path / "job.json", tmp_path / "log", stop, name="work")
    assert len(processes) == 2
    wait_until(lambda: not any(map(is_running, processes)))
