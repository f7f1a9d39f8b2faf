"""The kit for a machine with a GPU: resumed, left out, failed and repeated steps, and its table."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.gpu import __main__ as kit
from benchmarks.gpu import gpu_tests
from benchmarks.gpu import table as kit_table
from benchmarks.gpu.call import only_call
from benchmarks.gpu.steps import STEPS, Step

from processes import is_running, wait_until

ROOT = Path(__file__).parents[1]
MACHINE = {"gpu": "a GPU, 80 GB", "rest": "A machine. Python 3."}
# Each writes a line into `log` in the demo's directory when it measures something.
MODULES = {
    "two_parts": """
        def measure(kit):
            kit.part("one", lambda: said(kit, "one"))
            if not (kit.demo / "quick").exists():
                helper = subprocess.Popen(["sleep", "600"])
                (kit.demo / "pids").write_text(f"{os.getpid()} {helper.pid}")
                helper.wait()
            kit.part("two", lambda: said(kit, "two"))
    """,
    "fails": """
        def measure(kit):
            kit.part("before", lambda: said(kit, "before"))
            raise ValueError("the engine | broke")
    """,
    "works": """
        def measure(kit):
            kit.part("all", lambda: said(kit, "all"))
    """,
    "imports": """
        def measure(kit):
            import carried
            kit.part("all", lambda: said(kit, carried.WORD))
    """,
}
HEAD = """
import os, subprocess
from benchmarks.gpu.kit import row

def said(kit, name):
    with (kit.demo / "log").open("a") as log:
        log.write(name + "\\n")
    return [row(name, 2.5, "tokens/s", "small" if kit.shape is None else kit.shape)]
"""
FAKE = {
    "works": Step("fake_works", "", ()),
    "fails": Step("fake_fails", "", ()),
    "parts": Step("fake_two_parts", "", ()),
    "lacks": Step("fake_works", "", ("no_such_package", "json"), ("model",)),
    "imports": Step("fake_imports", "", ()),
}
Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    (tmp_path / "demo").mkdir()
    return tmp_path / "demo"


@pytest.fixture
def run(
    tmp_path: Path,
    demo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Call the kit with fake steps; return its exit status, the steps' results and the table."""
    for name, text in MODULES.items():
        (tmp_path / f"fake_{name}.py").write_text(HEAD + textwrap.dedent(text))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(kit, "STEPS", FAKE)
    monkeypatch.setattr(kit_table, "STEPS", FAKE)
    # The real one imports torch, in seconds of the limit.
    found = {"gpu": None, "rest": "", "missing": ["no_such_package"]}
    monkeypatch.setattr(kit, "_probe", lambda environment, limit: dict(found))

    def call(steps: str, *more: str) -> tuple[int, dict[str, Any], str]:
        places = ["--demo", str(demo), "--output", str(tmp_path / "out"), "--steps", steps]
        monkeypatch.setattr(sys, "argv", ["kit", *places, *more])
        status = kit.main()
        results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
        return status, results["steps"], capsys.readouterr().out

    return call


def lines(demo: Path) -> list[str]:
    return (demo / "log").read_text().split()


def write_wheel(folder: Path, name: str, version: str, code: str) -> Path:
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"{code}\n")
        wheel.writestr(f"{info}/METADATA", about)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def test_a_step_that_the_limit_cuts_is_gone_and_the_next_call_continues_it(
    run: Run, demo: Path
) -> None:
    # The limit leaves a busy machine time for the first part; the second one never ends.
    status, steps, shown = run("parts,works", "--limit", "8")
    assert status == 3
    assert (steps["parts"]["state"], steps["works"]["state"]) == ("unfinished", "unfinished")
    assert [row["measured"] for row in steps["parts"]["rows"]] == ["one"]
    assert "| parts | one | 2.50 tokens/s | small |" in shown
    assert "| parts | unfinished: cut at the limit: the next call continues it |" in shown
    assert "| works | unfinished: not begun, for lack of time |" in shown
    pids = list(map(int, (demo / "pids").read_text().split()))
    wait_until(lambda: not any(map(is_running, pids)))
    (demo / "quick").touch()
    status, steps, _ = run("parts,works")
    assert status == 0
    assert lines(demo) == ["one", "two", "all"]
    assert [row["measured"] for row in steps["parts"]["rows"]] == ["one", "two"]
    assert [(steps[name]["state"], steps[name]["calls"]) for name in ("parts", "works")] == [
        ("done", 2),
        ("done", 1),
    ]
    # What is done is not done again.
    run("parts,works")
    assert lines(demo) == ["one", "two", "all"]


@pytest.mark.slow
def test_a_step_that_no_call_would_end_fails(run: Run, demo: Path) -> None:
    run("parts", "--limit", "8")
    status, steps, _ = run("parts", "--limit", "2")
    assert status == 1
    assert steps["parts"]["state"] == "failed"
    assert steps["parts"]["reason"].endswith(" s: raise --limit")


def test_what_a_step_lacks_is_named_and_looked_at_again(run: Run, demo: Path) -> None:
    status, steps, shown = run("lacks,works")
    assert status == 0
    reason = f"it needs no_such_package, {demo / 'model'}"
    assert (steps["lacks"]["state"], steps["lacks"]["reason"]) == ("left out", reason)
    assert f"| lacks | left out: {reason} |" in shown
    (demo / "model").touch()
    _, steps, _ = run("lacks")
    assert steps["lacks"]["reason"] == "it needs no_such_package"
    assert lines(demo) == ["all"]


def test_a_step_that_fails_keeps_what_it_measured_and_stops_no_other(run: Run, demo: Path) -> None:
    status, steps, shown = run("fails,works")
    assert status == 1
    assert steps["works"]["state"] == "done"
    assert steps["fails"]["reason"] == "ValueError: the engine | broke"
    assert [row["measured"] for row in steps["fails"]["rows"]] == ["before"]
    assert "| fails | failed: ValueError: the engine \\| broke |" in shown
    run("fails,works")
    assert lines(demo) == ["before", "all"]


@pytest.mark.slow
def test_what_another_gpu_has_measured_of_a_step_is_measured_anew(
    run: Run, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("parts", "--limit", "8")
    (demo / "quick").touch()
    found = {"gpu": "a GPU", "rest": "", "missing": []}
    monkeypatch.setattr(kit, "_probe", lambda environment, limit: dict(found))
    _, steps, _ = run("parts")
    assert (steps["parts"]["machine"]["gpu"], steps["parts"]["calls"]) == ("a GPU", 1)
    assert lines(demo) == ["one", "one", "two"]


@pytest.mark.parametrize("text", ['{"steps": {', "[1]", ""], ids=["cut", "another", "empty"])
@pytest.mark.parametrize("place", ["results.json", "steps/works/measured.json"])
def test_a_damaged_file_is_named_with_what_to_do(
    run: Run, demo: Path, tmp_path: Path, place: str, text: str
) -> None:
    run("works")
    run("works", "--again", "works")
    damaged = tmp_path / "out" / place
    damaged.write_text(text)
    if "measured" in place:
        (tmp_path / "out" / "results.json").unlink()
    with pytest.raises(SystemExit, match=r"damaged .*: remove it, and repeat the call") as raised:
        run("works")
    assert str(damaged) in str(raised.value)
    damaged.unlink()
    status, steps, _ = run("works")
    assert (status, steps["works"]["state"]) == (0, "done")
    # The numbers of a step outlive results.json.
    assert lines(demo) == ["all"] * (3 if "measured" in place else 2)


def test_a_second_call_on_the_same_results_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with only_call(tmp_path / "out"), pytest.raises(SystemExit, match="another call is at work"):
        run("works")
    status, _, _ = run("works")
    assert status == 0


def test_a_limit_that_is_too_short_to_begin_is_an_error_and_not_a_call_to_repeat(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--output", str(tmp_path)]
    command += ["--steps", "tests", "--limit", "0.01"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("the machine was not looked at within 0 s: raise --limit\n")


def test_a_step_is_measured_again_if_it_is_asked_for(run: Run, demo: Path, tmp_path: Path) -> None:
    run("fails,works")
    (tmp_path / "fake_fails.py").write_text((tmp_path / "fake_works.py").read_text())
    status, steps, _ = run("fails,works", "--again", "fails", "--shape", "19M")
    assert status == 0
    assert lines(demo) == ["before", "all", "all"]
    assert [(row["measured"], row["size"]) for row in steps["fails"]["rows"]] == [("all", "19M")]
    assert steps["fails"]["calls"] == 1


def test_a_kit_that_is_killed_takes_its_step_with_it(run: Run, demo: Path, tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    child = [sys.executable, "-m", "benchmarks.gpu.step", "fake_two_parts", str(tmp_path / "work")]
    child += ["--demo", str(demo)]
    script = "import os; from pathlib import Path; from benchmarks.gpu.call import call; "
    script += f"call({child}, Path({str(log)!r}), 600, os.environ)"
    paths = os.pathsep.join([str(ROOT), str(tmp_path)])
    parent = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": paths}
    )
    wait_until((demo / "pids").exists)
    wait_until(lambda: len((demo / "pids").read_text().split()) == 2)
    pids = list(map(int, (demo / "pids").read_text().split()))
    assert all(map(is_running, pids))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not any(map(is_running, pids)))


def test_steps_import_the_wheels_that_were_carried(run: Run, demo: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with pytest.raises(SystemExit, match="there is no wheel: name the folder that has them"):
        run("imports", "--wheels", str(wheels))
    wheel = write_wheel(wheels, "carried", "1.0", "WORD = 'carried'")
    status, steps, _ = run("imports", "--wheels", str(wheels))
    assert (status, steps["imports"]["state"]) == (0, "done")
    assert lines(demo) == ["carried"]
    # A folder in which one is replaced is installed anew, and one that is as it was is not.
    wheel.unlink()
    write_wheel(wheels, "carried", "2.0", "WORD = 'again'")
    run("imports", "--wheels", str(wheels), "--again", "imports")
    installed = (tmp_path / "out" / "site").stat().st_ino
    run("imports", "--wheels", str(wheels), "--again", "imports")
    assert (tmp_path / "out" / "site").stat().st_ino == installed
    assert lines(demo) == ["carried", "again", "again"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("broken-1.0-py3-none-any.whl", "broken-1.0-py3-none-any.whl"),
        ("other-1.0-cp31-cp31-win_arm64.whl", "is not a supported wheel on this platform"),
    ],
)
def test_wheels_that_cannot_be_installed_are_named(
    run: Run, tmp_path: Path, name: str, reason: str
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / name).write_bytes(b"no archive")
    with pytest.raises(SystemExit, match=reason):
        run("imports", "--wheels", str(wheels))
    assert not (tmp_path / "out" / "site").exists()


def test_the_table_has_a_row_per_number_and_names_what_is_missing() -> None:
    rows = [{"measured": "ours", "value": 1234.5, "unit": "tokens/s", "size": "8 prompts"}]
    done = {"state": "done", "reason": "", "machine": MACHINE, "rows": rows}
    other = {**done, "machine": {"gpu": None, "rest": "Another."}}
    out = {"state": "left out", "reason": "it needs trl", "machine": None, "rows": []}
    shown = kit_table.table({"sampling": done, "guide": done, "large": other, "training": out})
    assert shown.cells() == [
        ("tests", "not begun", "", ""),
        ("sampling", "ours", "1,234 tokens/s", "8 prompts"),
        ("training", "left out: it needs trl", "", ""),
        ("large", "ours", "1,234 tokens/s", "8 prompts"),
        ("guide", "ours", "1,234 tokens/s", "8 prompts"),
        ("run", "not begun", "", ""),
    ]
    assert list(shown.notes) == [
        "sampling, guide: a GPU, 80 GB. A machine. Python 3.",
        "large: no GPU. Another.",
    ]


def test_the_kit_starts_without_any_package(tmp_path: Path) -> None:
    """It installs them, on a machine that may lack all."""
    places = ["--output", str(tmp_path), "--demo", str(tmp_path / "none"), "--steps", "run"]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "-m", "benchmarks.gpu", *places],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path / 'none' / 'index'} |" in done.stdout


def test_every_step_is_there_and_every_file_of_tests_on_a_gpu_is_run() -> None:
    for step in STEPS.values():
        path = ROOT / (step.module.replace(".", "/") + ".py")
        assert "def measure(kit: Kit)" in path.read_text("utf-8")
    files = {path.name: path.read_text("utf-8") for path in (ROOT / "tests/gpu").glob("test_*.py")}
    assert files.keys() == gpu_tests.FILES.keys()
    assert all("pytestmark = pytest.mark.gpu\n" in text for text in files.values())


@pytest.mark.slow
def test_a_step_of_a_large_model_has_its_peak_beside_the_estimate(tmp_path: Path) -> None:
    """This one is real: two steps of LoRA of 19M parameters in a child process."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--output", str(tmp_path)]
    command += ["--steps", "large", "--shape", "19M"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [step] = json.loads((tmp_path / "results.json").read_text("utf-8"))["steps"].values()
    values = {row["measured"]: row["value"] for row in step["rows"]}
    peaks = [value for name, value in values.items() if name.startswith("peak, ")]
    assert len(peaks) >= 2 and max(peaks) < 10 * min(peaks)
    assert "19M" in done.stdout
