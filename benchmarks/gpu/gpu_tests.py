"""The tests that are marked `gpu`, a file at a time. On a CPU they run as far as they can."""

import os
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.gpu.kit import Kit, Rows, row

ROOT = Path(__file__).parents[2]
# By file, the packages without which it is left out.
FILES = {
    "test_training_on_gpu.py": ("transformers", "trl", "peft", "datasets"),
    "test_nf4_on_gpu.py": ("transformers", "trl", "peft", "bitsandbytes"),
    "test_sampling_on_gpu.py": ("transformers", "vllm"),
}


def measure(kit: Kit) -> None:
    """Run the files whose packages are there."""
    failed = []
    for name, needs in FILES.items():
        lacks = [package for package in needs if find_spec(package) is None]
        if lacks:
            rows = kit.part(name, partial(_left_out, name, lacks))
        else:
            rows = kit.part(name, partial(_tested, kit, name))
        failed += [name for row in rows if row["measured"].endswith("failed") and row["value"]]
    if failed:
        raise SystemExit(f"tests failed in {', '.join(failed)}: see {kit.work}/step.log")


def _left_out(name: str, lacks: list[str]) -> Rows:
    return [row(f"{name}, left out", 0, "tests", f"it needs {', '.join(lacks)}")]


def _tested(kit: Kit, name: str) -> Rows:
    report = kit.work / f"{name}.xml"
    command = [sys.executable, "-m", "pytest", "-m", "gpu", f"tests/gpu/{name}", "-v"]
    command += ["-p", "no:cacheprovider", f"--junit-xml={report}"]
    device = {} if kit.gpu else {"QUOTETUNE_TEST_GPU": "cpu"}
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **device}, check=False)
    if done.returncode not in (0, 1):  # 1 says that a test failed, and so do the counts
        raise SystemExit(f"tests/gpu/{name}: pytest ended with status {done.returncode}")
    [suite] = ElementTree.parse(report).getroot().iter("testsuite")
    counts = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
    bad = counts["failures"] + counts["errors"]
    where = "on the GPU" if kit.gpu else "on the CPU"
    return [
        row(f"{name}, passed", counts["tests"] - bad - counts["skipped"], "tests", where),
        row(f"{name}, failed", bad, "tests", where),
        *(
            [row(f"{name}, skipped", counts["skipped"], "tests", where)]
            if counts["skipped"]
            else []
        ),
    ]
