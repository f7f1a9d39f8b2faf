"""Measure on a machine with one GPU and no network, a few minutes per call.

Each call does the next steps within its limit, writes results.json, and prints one table from it.
A step that the limit cuts is continued by the next call. The exit status is 3 as long as steps are
unfinished, then 1 if one has failed, and 0 if all others are done or left out.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.call import Deadline, call, last_line, only_call
from benchmarks.gpu.results import DONE, FAILED, LEFT_OUT, UNFINISHED, Results
from benchmarks.gpu.steps import STEPS
from benchmarks.gpu.table import table
from benchmarks.gpu.wheels import install

ROOT = Path(__file__).parents[2]


def main() -> int:
    options = _options()
    output: Path = options.output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    with only_call(output):
        return _call(options, output)


def _call(options: argparse.Namespace, output: Path) -> int:
    results, deadline = Results(output), Deadline(options.limit)
    for name in options.again:
        _forget(name, results)
    environment = _environment(None)
    if options.wheels is not None:
        environment = _environment(
            install(options.wheels.absolute(), output, deadline.left(), environment)
        )
    machine = _probe(environment, deadline.left())
    missing = machine.pop("missing")
    first = True
    for name in options.steps:
        if results.state(name) in (DONE, FAILED):
            continue
        reason = _why_left_out(name, missing, options.demo)
        if reason:
            results.put(name, LEFT_OUT, reason=reason)
        elif deadline.left() > 0:
            _do(name, results, options, deadline, environment, machine, alone=first)
            first = False
        elif results.state(name) in (None, LEFT_OUT):
            results.put(name, UNFINISHED, reason="not begun, for lack of time")
    print(table(results.steps).markdown())
    states = {results.state(name) for name in options.steps}
    return 3 if UNFINISHED in states else 1 if FAILED in states else 0


def _forget(name: str, results: Results) -> None:
    # In this order, a call that is killed between them leaves no numbers that would pass for new.
    shutil.rmtree(results.work(name), ignore_errors=True)
    results.forget(name)


def _do(
    name: str,
    results: Results,
    options: argparse.Namespace,
    deadline: Deadline,
    environment: dict[str, str],
    machine: dict[str, Any],
    *,
    alone: bool,
) -> None:
    """Do what the limit allows of a step, and record how that ended."""
    former = results.steps.get(name, {}).get("machine")
    if former is not None and former["gpu"] != machine["gpu"]:
        _forget(name, results)
    work, before, limit = results.work(name), len(results.parts(name)), deadline.left()
    command = [sys.executable, "-m", "benchmarks.gpu.step", STEPS[name].module, str(work)]
    command += ["--demo", str(options.demo.absolute())]
    command += ["--gpu"] if machine["gpu"] else []
    command += ["--shape", options.shape] if options.shape else []
    log = work / "step.log"
    start = time.monotonic()
    status = call(command, log, limit, environment)
    state, reason = DONE, ""
    if status is None:
        state, reason = UNFINISHED, "cut at the limit: the next call continues it"
        if alone and not STEPS[name].continues and len(results.parts(name)) == before:
            # It would be cut at the same place in every call.
            state, reason = FAILED, f"no part of it ended within {limit:.0f} s: raise --limit"
    elif status:
        state, reason = FAILED, last_line(log)
    seconds = time.monotonic() - start
    results.put(name, state, seconds=seconds, reason=reason, machine=machine)


def _why_left_out(name: str, missing: list[str], demo: Path) -> str:
    packages = [package for package in STEPS[name].needs if package in missing]
    files = [str(demo / file) for file in STEPS[name].files if not (demo / file).exists()]
    lacks = ", ".join(packages + files)
    return f"it needs {lacks}" if lacks else ""


def _environment(site: Path | None) -> dict[str, str]:
    """Return the environment of the steps, which import the kit and the installed wheels."""
    paths = [ROOT, *([site] if site else [])]
    given = os.environ.get("PYTHONPATH")
    joined = os.pathsep.join([*map(str, paths), *([given] if given else [])])
    return {**os.environ, "PYTHONPATH": joined, "HF_HUB_OFFLINE": "1"}


def _probe(environment: dict[str, str], limit: float) -> dict[str, Any]:
    packages = {package for step in STEPS.values() for package in step.needs}
    command = [sys.executable, "-m", "benchmarks.gpu.probe", *sorted(packages)]
    settings: dict[str, Any] = {"env": environment, "capture_output": True, "text": True}
    try:
        done = subprocess.run(command, timeout=limit, check=False, **settings)
    except subprocess.TimeoutExpired as error:
        raise SystemExit(
            f"error: the machine was not looked at within {limit:.0f} s: raise --limit"
        ) from error
    if done.returncode:
        raise SystemExit(f"error: the machine cannot be looked at:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _options() -> argparse.Namespace:
    steps = "; ".join(f"{name} ({step.title})" for name, step in STEPS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, epilog=f"Steps: {steps}."
    )
    parser.add_argument("--output", type=Path, required=True, help="directory of all results")
    parser.add_argument("--wheels", type=Path, help="folder of the packages that are missing here")
    parser.add_argument(
        "--demo", type=Path, default=Path("data/demo"), help="what `make data` makes"
    )
    parser.add_argument("--steps", type=_steps, default=tuple(STEPS), help="comma-separated")
    parser.add_argument(
        "--again", type=_steps, default=(), help="steps to measure anew, in this call"
    )
    parser.add_argument("--limit", type=float, default=480.0, help="seconds of this call")
    parser.add_argument("--shape", help="model of the step `large` (8B on a GPU, otherwise 135M)")
    return parser.parse_args()


def _steps(value: str) -> tuple[str, ...]:
    for name in value.split(","):
        if name not in STEPS:
            raise argparse.ArgumentTypeError(f"{name!r}: choose from {', '.join(STEPS)}")
    return tuple(value.split(","))


if __name__ == "__main__":
    sys.exit(main())
