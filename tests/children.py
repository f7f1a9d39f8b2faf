"""The work of child processes, done in this one: starting a child is slower than a tiny model.

Other tests start real ones, to test the log, the end with the parent, and the freed memory.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from quotetune.runtime.whole_files import read_json

# By the module that a child runs: its function, and the module that starts it.
_WORK = {
    "quotetune.sampling.worker": ("run", "quotetune.sampling.run"),
    "quotetune.training.worker": ("train", "quotetune.training.run"),
    "quotetune.measures.neural_worker": ("measure", "quotetune.measures.neural"),
    "quotetune.release.merge_worker": ("merge", "quotetune.release.exporting"),
    "quotetune.measures.lm_eval_worker": ("evaluate", "quotetune.measures.lm_eval"),
}


def work_here(patch: pytest.MonkeyPatch) -> None:
    """Start no child processes."""
    for _, parent in _WORK.values():
        patch.setattr(f"{parent}.run_child", _run)


def import_work() -> None:
    """Import what children import, most of it below the worker's own imports."""
    for module in (*_WORK, "peft", "transformers", "trl"):
        importlib.import_module(module)
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOTrainer, SFTTrainer

    assert AutoModelForCausalLM and AutoTokenizer and DPOTrainer and SFTTrainer


def _run(module: str, job: Path, log: Path, report: object, **options: Any) -> None:
    assert not options.get("launcher"), "what is launched on several devices is a child"
    worker = importlib.import_module(module)
    work, read = getattr(worker, _WORK[module][0]), getattr(worker, "read_job", read_json)
    log.touch()
    with pytest.MonkeyPatch.context() as patch:
        # vLLM looks through all modules when an engine starts, and fails at an object of this one,
        # which answers to any name. A child that samples never imports it.
        patch.delitem(sys.modules, "llvmlite.binding.ffi", raising=False)
        work(read(job), job.parent, report)
