"""`best` in a run's directory: a link to its best policy."""

import os
import shutil
from pathlib import Path

from quotetune.errors import UsageError
from quotetune.runtime.whole_files import write_link

BEST = "best"


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
    best = run / BEST
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
    write_link(run / BEST, Path(os.path.relpath(adapter, run)))


def _record(policy: Path) -> bytes | None:
    """Return what training noted of itself, losses and all: no two trainings note the same."""
    record = policy / "training.json"
    return record.read_bytes() if record.is_file() else None
