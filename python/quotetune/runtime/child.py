"""Child processes that run a model: how they start, report, fail and end.

A child frees all its memory when it ends. It reports on its standard output, one JSON object per
line. Everything else that it or a library prints goes to its log. It never outlives its parent,
because it ends when its standard input is closed. A child that gets its work in parts asks for them
on its standard output, and reads the answers from its standard input (`hand_out.py`).
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.cpu import child_environment
from quotetune.runtime.heap import with_kept_heap
from quotetune.runtime.streams import utf8_environment
from quotetune.runtime.whole_files import read_json

_END_WITH_PARENT = "--end-with-parent"
_HANDED_OUT = "--handed-out"
ASKS = "asks"  # the key of a question among the reports
SECONDS_TO_END = 5.0
# Asks the parent a question, and returns its answer, a line.
Ask = Callable[[str], str]


def run_child(
    module: str,
    job: Path,
    log: Path,
    report: Callable[[dict[str, Any]], None],
    *,
    name: str,
    launcher: Sequence[str] = (),
    keeps_heap: bool = False,
) -> None:
    """Run `python -m MODULE JOB` and pass its reports on.

    Args:
        module: A module that calls `child_main`.
        job: The file that describes the child's work.
        log: The child's standard error is appended to this file.
        report: Called with each object that the child reports.
        name: The work in one word, for messages, such as `sampling`.
        launcher: Arguments between `python` and `-m`, such as those of `accelerate launch`.
        keeps_heap: Whether the child keeps memory that it frees, because it soon needs it again.

    Raises:
        UsageError: The child reported one.
        QuotetuneError: The child failed. The message ends with the last line of its log, if the
            child was not killed.
    """
    error: QuotetuneError | None = None
    with (
        log.open("ab") as log_file,
        start(module, job, log_file, launcher=launcher, keeps_heap=keeps_heap) as child,
    ):
        assert child.stdout is not None
        try:
            for line in child.stdout:
                event = json.loads(line)
                if (failed := reported_error(event)) is not None:
                    error = failed
                else:
                    report(event)
            child.wait()
        finally:
            end([child])
    if error is not None:
        raise error
    if child.returncode:
        raise QuotetuneError(obituary(name, child.returncode, log))


def child_command(
    module: str, job: Path, *, launcher: Sequence[str] = (), handed_out: bool = False
) -> list[str]:
    """Return the command line of a child.

    Args:
        module: A module that calls `child_main`.
        job: The file that describes the child's work.
        launcher: Arguments between `python` and `-m`.
        handed_out: Whether the child asks for the parts of its work. It must be the first process
            of a group of its own, which ends with it.
    """
    options = [_END_WITH_PARENT, *([_HANDED_OUT] if handed_out else [])]
    return [sys.executable, *launcher, "-m", module, str(job), *options]


def model_environment() -> dict[str, str]:
    """Return the environment of a child that runs a model."""
    return utf8_environment(child_environment())


def reported_error(event: Mapping[str, Any]) -> QuotetuneError | None:
    """Return the error that a child reports; None if it reports something else."""
    if "error" not in event:
        return None
    return (UsageError if event["usage"] else QuotetuneError)(event["error"])


def start(
    module: str,
    job: Path,
    log: IO[bytes],
    *,
    launcher: Sequence[str] = (),
    keeps_heap: bool = False,
    variables: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `python -m MODULE JOB` as a child that ends when this process does.

    Args:
        module: As for `run_child`.
        job: As for `run_child`.
        log: The open log, to which the child's standard error is appended.
        launcher: As for `run_child`.
        keeps_heap: As for `run_child`.
        variables: Further variables of the child's environment.
    """
    environment = model_environment()
    if keeps_heap:
        environment = with_kept_heap(environment)
    return subprocess.Popen(
        child_command(module, job, launcher=launcher),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**environment, **(variables or {})},
    )


def end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """End children that have not ended, and with them the processes that they have started."""
    running = [child for child in children if child.poll() is None]
    for child in running:
        assert child.stdin is not None
        child.stdin.close()
    deadline = time.monotonic() + SECONDS_TO_END
    for child in running:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, deadline - time.monotonic()))
        child.kill()


def child_main(
    name: str,
    work: Callable[..., None],
    read: Callable[[Path], dict[str, Any]] = read_json,
) -> None:
    """Do the job that the command line names, as the child.

    Args:
        name: The work in one word, for messages.
        work: Called with the job, the job's directory, and the function that reports an object; if
            its parts are handed out, also with the function that asks for one, as `ask`.
        read: Reads the job.
    """
    answers: SimpleQueue[str] = SimpleQueue()
    asks = _HANDED_OUT in sys.argv
    if _END_WITH_PARENT in sys.argv:
        # Ctrl-C reaches the whole process group. The parent handles it and then ends the child.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with_parent(answers.put, whole_group=asks)
    # Libraries print to standard output; only our own lines may go to the parent.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def report(event: dict[str, Any]) -> None:
        print(json.dumps(event), file=stream, flush=True)

    def ask(question: str) -> str:
        report({ASKS: question})
        return answers.get()

    path = Path(sys.argv[1])
    try:
        work(read(path), path.parent, report, **({"ask": ask} if asks else {}))
    except Exception as error:
        traceback.print_exc()
        message = str(error)
        if not isinstance(error, QuotetuneError):
            message = f"{name} failed with {type(error).__name__}: {' '.join(message.split())}"
        kind = {"usage": isinstance(error, UsageError), "own": isinstance(error, QuotetuneError)}
        report({"error": message, **kind})
        sys.exit(1)


def end_with_parent(
    heard: Callable[[str], None] = lambda _: None, *, whole_group: bool = False
) -> None:
    """Let this process end when standard input is closed: that happens however the parent ends.

    Processes that it started with `multiprocessing` end first. vLLM's engine on a GPU is one, and
    would keep the GPU's memory.

    Args:
        heard: Called with each line of standard input, in another thread.
        whole_group: Whether all processes of its group end, too.
    """

    def wait() -> None:
        rest = b""
        while read := os.read(0, 4096):
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                heard(line.decode())
        for process in multiprocessing.active_children():
            process.kill()
        if whole_group and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def obituary(name: str, returncode: int, log: Path) -> str:
    """Say in one line how a child ended that could not report it, and where its log is."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    last = f": {lines[-1].strip()}" if lines else ""
    what = f"ended with status {returncode}"
    if returncode == -signal.SIGKILL:
        what = "was killed, perhaps because memory ran out"
        # It could not say so itself: its last line is of its work.
        last = ""
    elif returncode < 0:
        what = f"died of {signal.Signals(-returncode).name}"
    return f"the {name} process {what}{last} (its log is {log})"
