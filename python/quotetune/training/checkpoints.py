"""Checkpoints of a training that may have been killed at any moment."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from quotetune.errors import QuotetuneError


def newest_checkpoint(work: Path, notice: Callable[[str], None] = lambda _: None) -> Path | None:
    """Make the newest complete checkpoint ready for resuming, and remove all others.

    The trainer writes `trainer_state.json` last, and removes an older checkpoint only after that. A
    checkpoint without a whole one was being written or removed when the process was killed. A
    checkpoint whose weights are not finite, of a version that wrote such ones, is removed too.

    Args:
        work: The trainer's output directory.
        notice: Called with a notice about each checkpoint whose weights are not finite.

    Returns:
        The checkpoint, or None if there is none.

    Raises:
        QuotetuneError: A leftover cannot be removed.
    """
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    complete = [path for path in found if _is_complete(path)]
    newest = _newest_finite(complete, notice)
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
