"""`best` in a run's directory: a link to its best policy."""

import os
import shutil
from pathlib import Path

from quotetune.errors import UsageError
from quotetune.runs.directory import RunDirectory
from quotetune.runtime.whole_files import write_link
from quotetune.training.run import RECORD_NAME


def link_best(run: Path, adapter: Path) -> None:
    """Make `best` in the run's directory a link to a policy; it appears by rename.

    Args:
        run: The run's directory.
        adapter: The directory that training wrote, inside the run. The link is relative, so that
            a run can be moved.

    Raises:
        UsageError: As for `restore_best`.
    """
    restore_best(run)
    _link(run, adapter)


def restore_best(run: Path) -> None:
    """Make `best` a link again if copying the run has made a directory of it.

    Args:
        run: The run's directory.

    Raises:
        UsageError: It is a directory that is not a copy of a policy of the run.
    """
    best = RunDirectory(run).best
    if best.is_symlink() or not best.is_dir():
        return
    for adapter in RunDirectory(run).all_trained().values():
        if _record(adapter) is not None and _record(adapter) == _record(best):
            shutil.rmtree(best)
            _link(run, adapter)
            return
    raise UsageError(
        f"{best}: is a directory in the place of the link to the best policy, and not a copy of a"
        " policy of this run: remove it, or move it out of the run"
    )


def _link(run: Path, adapter: Path) -> None:
    write_link(RunDirectory(run).best, Path(os.path.relpath(adapter, run)))


def _record(policy: Path) -> bytes | None:
    """Return the record of a training; it has the losses, so no two trainings have the same."""
    record = policy / RECORD_NAME
    return record.read_bytes() if record.is_file() else None
