"""The two packages that are compared: that of an earlier commit, and that of this checkout."""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = next(parent for parent in HERE.parents if (parent / "pyproject.toml").exists())


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Package:
    """A quotetune, as processes of this interpreter import it.

    Attributes:
        name: What messages call it.
        search_path: What `PYTHONPATH` is for it; one entry is the tests of its commit.
        work: A directory for what its processes exchange with this one.
    """

    name: str
    search_path: tuple[str, ...]
    work: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes: no hub, and one thread, which tiny models suit."""
        own = {"PYTHONPATH": os.pathsep.join(self.search_path)}
        return {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", **own}

    @cached_property
    def all_quotes(self) -> tuple[str, ...]:
        """The option that makes `cite` and `generate` mark all quotes, as they first always did."""
        code = "import inspect, quotetune\nprint(*inspect.signature(quotetune.cite).parameters)"
        return ("--all",) if "all" in self.python("-c", code).split() else ()

    def place(self) -> Path:
        """Return the directory that the package and its compiled part are imported from."""
        code = "import quotetune as q, quotetune._core as c\nprint(q.__file__)\nprint(c.__file__)"
        files = [Path(name).parent for name in self.python("-c", code).splitlines()]
        assert files[0] == files[1], f"{self.name} is a mixture of {files[0]} and {files[1]}"
        return files[0]

    def python(self, *arguments: object, stdin: str = "") -> str:
        """Run Python to its end, and return its standard output."""
        done = subprocess.run(
            [sys.executable, "-P", *map(str, arguments)],
            cwd=self.work,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{self.name}: {arguments} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def run(self, commands: Sequence[Sequence[object]], work_here: bool = False) -> list[Outcome]:
        """Run commands in one process; with `work_here`, in that process alone."""
        given = json.dumps([[str(argument) for argument in command] for command in commands])
        with tempfile.NamedTemporaryFile(dir=self.work, suffix=".json") as results:
            options = ["--work-here"] if work_here else []
            self.python(HERE / "run_commands.py", results.name, *options, stdin=given)
            return [Outcome(*outcome) for outcome in json.load(results)]

    def succeed(
        self, commands: Sequence[Sequence[object]], work_here: bool = False
    ) -> list[Outcome]:
        """Run commands that must not fail."""
        outcomes = self.run(commands, work_here)
        for command, outcome in zip(commands, outcomes, strict=True):
            if outcome.status:
                raise SystemExit(f"{self.name}: {[*map(str, command)]} failed:\n{outcome.errors}")
        return outcomes

    def start(self, *arguments: object, log: Path) -> subprocess.Popen[bytes]:
        """Start a command, its children and all, as a process group of its own."""
        with log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "quotetune", *map(str, arguments)],
                cwd=self.work,
                env=self.environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def answers(self, *arguments: object) -> Any:
        """Run `earlier_answers.py`, and return what it says."""
        return json.loads(self.python(HERE / "earlier_answers.py", *arguments) or "null")


def current(work: Path) -> Package:
    """Return the package that this interpreter imports, with the tests of this checkout."""
    given = os.environ.get("PYTHONPATH")
    entries = [str(ROOT / "tests"), *(given.split(os.pathsep) if given else [])]
    return Package("this checkout", tuple(entries), work)


def earlier(commit: str, work: Path) -> Package:
    """Return the package of a commit, compiled at the first time; `make clean` removes it."""
    found = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise SystemExit(f"there is no commit {commit} here: fetch it (git fetch --unshallow)")
    directory = ROOT / "target" / "earlier" / found.stdout.strip()
    package = directory / "package"
    if not package.exists():
        _compile(found.stdout.strip(), directory, package)
    search_path = (str(package), str(directory / "checkout" / "tests"))
    return Package(f"commit {commit}", search_path, work)


def _compile(commit: str, directory: Path, package: Path) -> None:
    print(f"Compiling commit {commit[:7]}.", flush=True)
    checkout, wheels = directory / "checkout", directory / "wheels"
    directory.mkdir(parents=True, exist_ok=True)
    archive = directory / "checkout.zip"
    subprocess.run(["git", "archive", f"--output={archive}", commit], cwd=ROOT, check=True)
    _unzip(archive, checkout)
    subprocess.run(
        [sys.executable, "-m", "maturin", "build", "--release", "--quiet", "--out", str(wheels)],
        cwd=checkout,
        env={"CARGO_TARGET_DIR": str(directory.parent / "cargo"), **os.environ},
        check=True,
    )
    [wheel] = wheels.glob("*.whl")
    unfinished = package.with_suffix(".partial")
    _unzip(wheel, unfinished)
    unfinished.rename(package)


def _unzip(archive: Path, directory: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        file.extractall(directory)
