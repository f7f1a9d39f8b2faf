"""Settings that must be made before any test imports torch or runs a property."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import children
import command
from quotetune.runtime.cpu import child_environment

# On a machine that only claims to have AMX, a bf16 product in this process would kill it.
os.environ.update(child_environment())
# Threads that wait for each other at every small product are many times slower than one; child
# processes inherit this.
os.environ["OMP_NUM_THREADS"] = "1"
# The engines of vLLM that tests start in this process must not tie its threads to one core.
os.environ["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
# vLLM reads the attributes of all modules when it starts, and llvmlite's answer to any name with a
# function, which it cannot read. Without numba, which imports it, bm25s ranks with NumPy.
sys.modules["numba"] = None  # type: ignore[assignment]
# No test may wait for a hub.
os.environ["HF_HUB_OFFLINE"] = "1"
# On a busy machine the time of an example says nothing, and neither does that of its generation.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture
def quotetune(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process; give its exit status, output and errors."""

    def run(*arguments: object, stdin: str | bytes = "") -> tuple[int, str, str]:
        return (command.quotetune(*arguments, stdin=stdin), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny random model, which no test changes."""
    from tiny_model import save_tiny_model

    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def without_children() -> Iterator[None]:
    """Do the work of children in this process."""
    with pytest.MonkeyPatch.context() as patch:
        children.work_here(patch)
        yield
