"""Ranks report, fail and end together."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from processes import is_running, wait_until
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.ranks import run_ranks

RANKS = """
import os, signal, sys, time
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.child import child_main

def work(job, directory, report):
    rank = os.environ["RANK"]
    print(f"rank {rank} of {os.environ['WORLD_SIZE']} is here", file=sys.stderr, flush=True)
    (directory / f"pid-{rank}").write_text(str(os.getpid()))
    report({"from": rank, "place": os.environ["QUOTETUNE_RENDEZVOUS"]})
    does, then = job[rank]
    time.sleep(then)
    if does == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif does == "abort":
        os.kill(os.getpid(), signal.SIGABRT)
    elif does == "know":
        raise QuotetuneError("step 3: the loss is nan")
    elif does == "refuse":
        raise UsageError("dpo: no")
    elif does == "lose":
        raise RuntimeError("connection closed by peer")

if __name__ == "__main__":
    child_main("work", work)
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "three_ranks.py").write_text(RANKS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.getenv("PYTHONPATH", "")]))


def run(directory: Path, *todo: tuple[str, float], report: Any = lambda event: None) -> None:
    job = directory / "job.json"
    job.write_text(json.dumps({str(rank): does for rank, does in enumerate(todo)}))
    log = directory / "work.log"
    how: dict[str, Any] = {"name": "work", "count": len(todo), "variables": {}}
    run_ranks("three_ranks", job, log, report, **how)


def test_rank_0_reports_and_each_rank_has_its_log(tmp_path: Path) -> None:
    events: list[dict[str, str]] = []
    run(tmp_path, ("end", 0), ("end", 0), ("end", 0.2), report=events.append)
    assert [event["from"] for event in events] == ["0"]
    assert not Path(events[0]["place"]).parent.exists()
    for rank, name in enumerate(("work.log", "work-rank-1.log", "work-rank-2.log")):
        assert f"rank {rank} of 3 is here" in (tmp_path / name).read_text()


LATER = 0.3


@pytest.mark.parametrize(
    ("todo", "message"),
    [
        # The others wait for the one that was killed, for ever,
        ([("wait", 600), ("kill", 0.5)], "rank 1 of 2: the work process was killed, perhaps"),
        # or can no longer reach it and say so first,
        ([("lose", 0.1), ("kill", LATER)], "rank 1 of 2: the work process was killed, perhaps"),
        ([("abort", 0.1), ("kill", LATER)], "rank 1 of 2: the work process was killed, perhaps"),
        # and a rank that knows the problem is right.
        ([("lose", 0.1), ("know", LATER), ("kill", LATER)], "step 3: the loss is nan"),
        ([("lose", 0.1), ("wait", 600)], "rank 0 of 2: work failed with RuntimeError: connection"),
    ],
)
def test_the_rank_that_is_the_cause_is_named_and_the_others_end(
    tmp_path: Path, todo: list[tuple[str, float]], message: str
) -> None:
    with pytest.raises(QuotetuneError) as caught:
        run(tmp_path, *todo)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    if "killed" in message:
        assert str(caught.value).endswith("work-rank-1.log)")
    if Path("/proc/self/stat").exists():
        assert not any(is_running(int(p.read_text())) for p in tmp_path.glob("pid-*"))


def test_a_refusal_stays_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dpo: no"):
        run(tmp_path, ("refuse", 0), ("refuse", 0))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_all_ranks_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = f"""
import sys
sys.path = {[str(Path(__file__).parent), *sys.path]!r}
from pathlib import Path
from test_ranks import run
run(Path({str(tmp_path)!r}), ("wait", 600), ("wait", 600))
"""
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        try:
            wait_until(
                lambda: (
                    all((tmp_path / f"pid-{rank}").exists() for rank in (0, 1))
                    and all(p.read_text() for p in tmp_path.glob("pid-*"))
                )
            )
            ranks = [int(path.read_text()) for path in tmp_path.glob("pid-*")]
            assert all(map(is_running, ranks))
        finally:
            parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, ranks)))
