"""Which trained policy is the best one, and whether another round is worth its while."""

import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from quotetune.errors import UsageError

Preference = Literal["higher", "lower"]


def rank(value: float | None, prefer: Preference) -> float:
    """Return a number that is the larger the better; a value that is not known is the worst.

    Example:
        >>> rank(0.5, "higher") > rank(0.2, "higher") > rank(None, "lower")
        True
    """
    if value is None or math.isnan(value):
        return -math.inf
    return value if prefer == "higher" else -value


def best_policy(values: Mapping[str, float | None], prefer: Preference) -> str:
    """Name the best of some policies; of equal ones the first.

    Args:
        values: The criterion's value of each, in the order in which they were trained.
        prefer: Which values are better.

    Example:
        >>> best_policy({"round-1": 0.2, "round-2": 0.3, "round-3": 0.3}, "higher")
        'round-2'
    """
    return max(values, key=lambda name: rank(values[name], prefer))


def stops_after(values: Mapping[str, float | None], prefer: Preference) -> str | None:
    """Name the first policy that is no better than all before it.

    Args:
        values: The criterion's value of each, in order; the first is where the first round started.
        prefer: Which values are better.

    Returns:
        The policy; None if each is better than all before.

    Example:
        >>> stops_after({"base": 0.1, "round-1": 0.3, "round-2": 0.2, "round-3": 0.4}, "higher")
        'round-2'
    """
    best = -math.inf
    for position, (name, value) in enumerate(values.items()):
        now = rank(value, prefer)
        if position and now <= best:
            return name
        best = max(best, now)
    return None


def link_best(run: Path, adapter: Path) -> None:
    """Let `best` in the run's directory lead to a policy; the link appears by rename.

    Args:
        run: The run's directory.
        adapter: What training wrote, inside of it. The link is relative, so that a run can be
            moved.

    Raises:
        UsageError: As in `mend_best`.
    """
    mend_best(run)
    _link(run, adapter)


def mend_best(run: Path) -> None:
    """Make `best` the link again that it was, where a copy of the run has followed it.

    Args:
        run: The run's directory.

    Raises:
        UsageError: In its place is a directory that is no copy of a policy of the run.
    """
    best = run / "best"
    if best.is_symlink() or not best.is_dir():
        return
    for adapter in sorted(run.glob("*/adapter")):
        if _record(adapter) is not None and _record(adapter) == _record(best):
            shutil.rmtree(best)
            _link(run, adapter)
            return
    raise UsageError(
        f"{best} is a directory where the link to the best policy is to be, and no copy of a policy"
        " of this run: remove it, or move it out of the run"
    )


def _link(run: Path, adapter: Path) -> None:
    unfinished = run / "best.tmp"
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(os.path.relpath(adapter, run))
    unfinished.replace(run / "best")


def _record(policy: Path) -> bytes | None:
    """Return what training noted of itself, losses and all: no two trainings note the same."""
    record = policy / "training.json"
    return record.read_bytes() if record.is_file() else None
