"""Parts are handed out to replicas as they ask for them, and again if one dies."""

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
from quotetune.runtime.child import child_command
from quotetune.runtime.hand_out import Work, hand_out
from quotetune.runtime.local_replica import LocalReplica

# A replica that makes a part by naming itself in a file. `misbehave` says what else it does.
_MODULE = """
import multiprocessing, os, signal, sys, time
from pathlib import Path
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.child import child_main

def first(path):
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True

def work(job, directory, report, ask):
    def misbehaves(how, part=None):
        return how in job and (part is None or part == job[how])
    if misbehaves("never_starts"):
        os.kill(os.getpid(), signal.SIGKILL)
    if misbehaves("starts_without"):
        raise QuotetuneError("no model here")
    report({"process": os.getpid()})
    taken = []
    while part := taken.pop() if taken else ask("next"):
        if job.get("ahead") and (coming := ask("ahead")):
            taken.append(coming)
        part = int(part)
        if misbehaves("dies_once_at", part) and first(directory / "died"):
            # Its engine keeps standard output open, as one that was forked does.
            engine = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
            engine.start()
            (directory / "engine").write_text(str(engine.pid))
            os.kill(os.getpid(), signal.SIGKILL)
        if misbehaves("fails_at", part):
            raise QuotetuneError("the part is bad")
        if misbehaves("refuses", part):
            raise UsageError("a prompt is too long")
        if misbehaves("waits_for_all_others_at", part):
            while len(list(directory.glob("part-*"))) < job["parts"] - 1:
                time.sleep(0.02)
        if misbehaves("hangs"):
            time.sleep(600)
        (directory / f"part-{part}").write_text(str(os.getpid()))
        report({"made": part})
    if misbehaves("stays"):
        time.sleep(600)

if __name__ == "__main__":
    child_main("work", work)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "a_replica.py").write_text(_MODULE)
    return tmp_path


class Calls:
    """One hand-out, and what it calls."""

    def __init__(self, directory: Path, parts: int, replicas: int, **job: Any) -> None:
        self.directory = directory
        self.left: list[int] = []
        self.notes: list[str] = []
        self.processes: dict[int, int] = {}
        self.places: list[int] = []
        self._job = directory / "job.json"
        self._job.write_text(json.dumps({"parts": parts, **job}))
        self.work = Work(
            "work",
            range(parts),
            self.start,
            replicas,
            self.left.append,
            lambda replica, event: self.processes.update({replica: event["process"]}),
            self.notes.append,
        )

    def start(self, place: int) -> LocalReplica:
        self.places.append(place)
        path = os.pathsep.join([str(self.directory), os.getenv("PYTHONPATH", "")])
        command = child_command("a_replica", self._job, handed_out=True)
        environment = os.environ | {"PYTHONPATH": path}
        return LocalReplica(command, environment, self.directory / "log", "work")

    def makers(self) -> dict[int, int]:
        """The process that made each part."""
        files = self.directory.glob("part-*")
        return {int(file.name[len("part-") :]): int(file.read_text()) for file in files}


@pytest.mark.parametrize("ahead", [False, True])
def test_every_part_is_made_once_and_counted(directory: Path, ahead: bool) -> None:
    calls = Calls(directory, parts=7, replicas=2, ahead=ahead)
    hand_out(calls.work)
    assert sorted(calls.makers()) == list(range(7))
    assert calls.left == [6, 5, 4, 3, 2, 1, 0]
    assert set(calls.makers().values()) <= set(calls.processes.values())
    assert not calls.notes
    assert not any(map(is_running, calls.processes.values()))


def test_a_slow_part_delays_no_other(directory: Path) -> None:
    # Part 0 ends only after all others, so the other replica makes them all.
    calls = Calls(directory, parts=6, replicas=2, waits_for_all_others_at=0)
    hand_out(calls.work)
    makers = calls.makers()
    assert len({makers[part] for part in range(1, 6)}) == 1
    assert makers[0] != makers[1]


def test_a_replica_that_does_not_end_is_ended(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quotetune.runtime.hand_out.SECONDS_TO_LEAVE", 0.2)
    calls = Calls(directory, parts=2, replicas=2, stays=True)
    hand_out(calls.work)
    assert set(calls.makers()) == {0, 1}
    assert not any(map(is_running, calls.processes.values()))


def test_there_are_no_more_replicas_than_parts(directory: Path) -> None:
    calls = Calls(directory, parts=1, replicas=3)
    hand_out(calls.work)
    assert calls.places == [0]


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("replicas", [1, 2])
def test_a_replica_that_dies_is_replaced_and_its_engine_ends(
    directory: Path, replicas: int, ahead: bool
) -> None:
    calls = Calls(directory, parts=4, replicas=replicas, ahead=ahead, dies_once_at=1)
    hand_out(calls.work)
    assert sorted(calls.makers()) == list(range(4))
    [note] = calls.notes
    assert "is replaced, with work part" in note and " 1" in note and "was killed" in note
    engine = int((directory / "engine").read_text())
    wait_until(lambda: not is_running(engine))


def test_a_part_that_fails_three_times_ends_the_work_with_its_number(directory: Path) -> None:
    calls = Calls(directory, parts=5, replicas=2, fails_at=3)
    with pytest.raises(QuotetuneError, match=r"^work part 3 failed three times: the part is bad$"):
        hand_out(calls.work)
    assert 3 not in calls.makers()
    assert len(calls.notes) == 2
    wait_until(lambda: not any(map(is_running, calls.processes.values())))


def test_a_usage_error_ends_the_work_at_once(directory: Path) -> None:
    calls = Calls(directory, parts=5, replicas=2, refuses=2)
    with pytest.raises(UsageError, match=r"^a prompt is too long$"):
        hand_out(calls.work)
    assert not calls.notes


def test_an_error_before_any_replica_has_worked_ends_the_work_at_once(directory: Path) -> None:
    calls = Calls(directory, parts=5, replicas=2, starts_without=True)
    with pytest.raises(QuotetuneError, match=r"^no model here$"):
        hand_out(calls.work)
    assert sorted(calls.places) == [0, 1]


def test_a_replica_that_never_starts_is_tried_three_times(directory: Path) -> None:
    calls = Calls(directory, parts=5, replicas=1, never_starts=True)
    with pytest.raises(QuotetuneError, match=r"^the work process was killed.*its log is"):
        hand_out(calls.work)
    assert calls.places == [0, 0, 0]


_PARENT = """
import signal, sys
from pathlib import Path
from test_hand_out import Calls
from quotetune.runtime.hand_out import hand_out
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
hand_out(Calls(Path(sys.argv[1]), parts=3, replicas=2, hangs=True).work)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_replicas_end_with_their_parent(directory: Path, number: signal.Signals) -> None:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    (directory / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if '--handed-out' in sys.orig_argv:\n"
        f"    open({str(directory / 'pids')!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(directory)],
        env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
    )
    pids = directory / "pids"
    wait_until(lambda: pids.exists() and pids.read_text().count("\n") == 2)
    replicas = [int(line) for line in pids.read_text().splitlines()]
    assert all(map(is_running, replicas))
    parent.send_signal(number)
    assert parent.wait(60) != 0
    wait_until(lambda: not any(map(is_running, replicas)))
