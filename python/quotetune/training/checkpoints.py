"""Checkpoints of a training that may have been killed at any moment."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from quotetune.errors import QuotetuneError
from quotetune.training.processes import Processes

MADE_BY = "processes.json"
"""File in a checkpoint with the processes that made it, if it was not one alone."""


def newest_checkpoint(
    work: Path,
    notice: Callable[[str], None] = lambda _: None,
    processes: Processes | None = None,
) -> Path | None:
    """Make the newest complete checkpoint ready for resuming, and remove all others.

    The trainer writes `trainer_state.json` last, and removes an older checkpoint only after that. A
    checkpoint without a whole one was being written or removed when the process was killed. A
    checkpoint whose weights are not finite, of a version that wrote such ones, is removed too.

    Args:
        work: The trainer's output directory.
        notice: Called with a notice about each checkpoint whose weights are not finite, and about
            one that other processes made.
        processes: The processes that are to continue; None does not look which ones made it.

    Returns:
        The checkpoint, or None if there is none.

    Raises:
        QuotetuneError: A leftover cannot be removed.
    """
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    complete = [path for path in found if _is_complete(path)]
    if processes is not None:
        complete = [path for path in complete if _is_readable(path, processes, notice)]
    newest = _newest_finite(complete, notice)
    if newest is not None and processes is not None:
        made = _makers(newest)
        if made.count != processes.count:
            who = f"{_named(processes)} continue" + ("s" if processes.count == 1 else "")
            notice(f"{newest.name} was made by {_named(made)}, and {who} it")
    unwanted = [path for path in found if path != newest]
    if newest is not None:
        # If the frozen copy `ref` is beside the trained adapter, transformers loads only the copy,
        # and the trained adapter silently starts anew.
        unwanted.append(newest / "ref")
    for path in unwanted:
        if path.exists():
            try:
                shutil.rmtree(path)
            except OSError as error:
                raise QuotetuneError(f"{path}: cannot be removed ({error}): remove it") from error
    return newest


def _makers(checkpoint: Path) -> Processes:
    try:
        content = json.loads((checkpoint / MADE_BY).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return Processes("ddp", 1)
    return Processes(content["launch"], content["processes"])


def _named(processes: Processes) -> str:
    sharded = " with fsdp2" if processes.kind == "fsdp2" else ""
    return f"{processes.count} process" + ("" if processes.count == 1 else "es") + sharded


def _is_readable(path: Path, processes: Processes, notice: Callable[[str], None]) -> bool:
    """Tell whether these processes can read the state of the optimizer."""
    made = _makers(path)
    if (made.kind == "fsdp2") == (processes.kind == "fsdp2"):
        return True
    notice(
        f"{path.name} was made by {_named(made)}, and {_named(processes)} cannot read it, so the"
        " training starts over"
    )
    return False


def _newest_finite(complete: list[Path], notice: Callable[[str], None]) -> Path | None:
    left = list(complete)
    while left:
        # It imports torch, which takes seconds.
        from quotetune.training.finite import tensor_that_is_not_finite

        tensor = tensor_that_is_not_finite(left[-1])
        if tensor is None:
            return left[-1]
        bad = left.pop()
        start = f"continues at {left[-1].name}" if left else "starts over"
        notice(f"{bad.name}: its weights {tensor} are not finite, so the training {start}")
    return None


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return True
