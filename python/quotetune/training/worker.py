"""The child process that trains: `python -m quotetune.training.worker job.json`.

It is also one of several ranks (`quotetune.runtime.ranks`), or one of the processes of `accelerate
launch -m quotetune.training.worker job.json`. Then only the first one reports.
`quotetune.training.run.train_in_child` writes `job.json` into the work directory.
"""

import os
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.errors import QuotetuneError
from quotetune.models.quick_imports import quick_imports
from quotetune.runtime.child import child_main
from quotetune.runtime.cpu import child_environment
from quotetune.runtime.whole_files import unfinished

if TYPE_CHECKING:
    from quotetune.training.processes import Processes
    from quotetune.training.session import TrainingSession

# This must come before the import of torch, whatever starts this process.
os.environ.update(child_environment())
if "WORLD_SIZE" not in os.environ:
    # Without a launcher one process would take all GPUs, which TRL does not allow.
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    os.environ["CUDA_VISIBLE_DEVICES"] = first


def train(job: dict[str, Any], work: Path, report: Callable[[dict[str, Any]], None]) -> None:
    """Train, from the newest complete checkpoint if there is one, and write the output.

    Args:
        job: The job that `train_in_child` wrote.
        work: The directory of the checkpoints.
        report: Called with progress and notices.
    """
    from quotetune.training.checkpoints import newest_checkpoint
    from quotetune.training.processes import here

    is_first = os.environ.get("RANK", "0") == "0"
    session = _session(job, work, report if is_first else lambda _: None)
    with session.trainer.accelerator.main_process_first():
        checkpoint = newest_checkpoint(work, session.notice, here() or _alone())
    session.train(checkpoint)
    output = Path(job["output"])
    # All processes of a training write into this directory; the first one makes it appear.
    directory = unfinished(output)
    try:
        session.save(directory, _versions())
    except QuotetuneError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    if is_first:
        directory.replace(output)


def _session(
    job: dict[str, Any], work: Path, report: Callable[[dict[str, Any]], None]
) -> "TrainingSession":
    if job["method"] == "sft":
        from quotetune.training.absorb.session import AbsorbSession

        return AbsorbSession(job, work, report)
    from quotetune.training.dpo_session import DpoSession

    return DpoSession(job, work, report)


def _alone() -> "Processes | None":
    """Return this process as one that trains alone; None if `accelerate launch` started it."""
    from quotetune.training.processes import Processes

    return None if "WORLD_SIZE" in os.environ else Processes("ddp", 1)


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "trl", "peft", "datasets")}


def _train_alone(job: dict[str, Any], work: Path, report: Callable[[dict[str, Any]], None]) -> None:
    """Do `train` in a process that does nothing else."""
    quick_imports(
        [job["model"], job["base"]], {key: job.get(key) for key in ("dpo", "sft", "lora")}
    )
    train(job, work, report)


if __name__ == "__main__":
    child_main("training", _train_alone)
