"""The plan and the work of a run: its stages in order, without those that are done."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from quotetune.config import Config
from quotetune.errors import QuotetuneError, UsageError
from quotetune.pipeline.preflight.cluster import check_cluster, on_ray
from quotetune.runs.best_link import restore_best
from quotetune.runs.curves import write_curves
from quotetune.runs.layout import Layout
from quotetune.runs.looks import record_stage
from quotetune.runs.stage import Stage, Status, clean, complete, copy_result, inspect
from quotetune.runtime.console import say
from quotetune.runtime.whole_files import write_text
from quotetune.stages import all_stages


@dataclass(frozen=True)
class Planned:
    """The plan for a stage.

    Attributes:
        name: The stage's name.
        todo: Whether it is to be done; None if that depends on the results of earlier stages.
        note: The reason.
        never: Whether it is left out.
        copied: Whether it is copied from another run.
    """

    name: str
    todo: bool | None
    note: str
    never: bool = False
    copied: bool = False

    def __str__(self) -> str:
        """The stage's line in the plan."""
        word = {True: "to do", False: "done", None: "open"}[self.todo]
        word = "never" if self.never else "copied" if self.copied else word
        return f"{word:<6} {self.name}" + (f" ({self.note})" if self.note else "")


def stage_list(config: Config, until: str | None = None) -> list[Stage]:
    """Return the stages of a run, in order.

    Args:
        config: The run's config.
        until: The last stage: its name, or the name's last part, which means the first such stage.

    Returns:
        The stages.

    Raises:
        UsageError: There is no such stage.
    """
    stages = all_stages(config)
    if until is None:
        return stages
    for position, stage in enumerate(stages):
        if until in (stage.name, stage.name.rpartition("/")[2]):
            return stages[: position + 1]
    names = ", ".join(stage.name for stage in stages)
    raise UsageError(f"--until {until}: there is no such stage: name one of {names}")


def plan(stages: Sequence[Stage]) -> list[Planned]:
    """Find out what a run would do, and change nothing.

    Args:
        stages: The stages, in order.

    Returns:
        One entry per stage. A stage that is done, but reads files that an earlier stage would make
        again, is open: if the files come out the same, it stays done.
    """
    planned: list[Planned] = []
    remade: list[Stage] = []
    for stage in stages:
        sources = [other.name for other in remade if _reads(stage, other)]
        open_skip = stage.skip if any(_decides(other, stage) for other in remade) else None
        reason = stage.skip.reason() if stage.skip is not None and open_skip is None else None
        if reason is not None:
            planned.append(Planned(stage.name, False, reason, never=True))
            continue
        if open_skip is not None and (sources or inspect(stage).state != "done"):
            entry = Planned(stage.name, None, open_skip.condition)
        elif sources and not stage.directory.exists():
            entry = Planned(stage.name, True, f"needs {' and '.join(sources)}")
        elif sources:
            entry = Planned(stage.name, None, f"if {' or '.join(sources)} gives other files")
        else:
            entry = _planned(stage.name, inspect(stage))
        planned.append(entry)
        if entry.todo is not False:
            remade.append(stage)
    return planned


def _reads(stage: Stage, other: Stage) -> bool:
    return any(path.is_relative_to(other.directory) for path in stage.inputs.values())


def _decides(other: Stage, stage: Stage) -> bool:
    return stage.skip is not None and other.directory in stage.skip.decided_by.values()


def _planned(name: str, status: Status) -> Planned:
    note = ", ".join(status.reasons)
    match status.state:
        case "done":
            return Planned(name, False, note)
        case "stale":
            return Planned(name, True, f"again: {note}")
        case "partial":
            return Planned(name, True, "resumes where it was interrupted")
        case "new":
            return Planned(name, True, "no result yet")


def run(config: Config, until: str | None = None, others: Sequence[Config] = ()) -> None:
    """Do the stages of a config that are not done.

    Args:
        config: The validated config, which is kept as YAML beside the results.
        until: The last stage, as for `stage_list`; None does all, and writes summary and report.
        others: The configs of other runs. A stage that one of them has done, from the same inputs
            with the same settings, is copied.

    Raises:
        UsageError: Another process works on the same run, a directory is in the place of `best`, or
            the config's Ray cluster is not there.
        QuotetuneError: A stage failed. What it has done so far is kept.
    """
    stages = stage_list(config, until)
    with _lock(config.run):
        if on_ray(config) and any(planned.todo is not False for planned in plan(stages)):
            check_cluster(config)
        restore_best(config.run)
        layout = Layout(config)
        write_text(layout.config_file, _as_yaml(config))
        done = [stage for other in others for stage in all_stages(other)]
        for stage in stages:
            if _run_stage(layout, stage, done) and stage.name.startswith("evaluation/"):
                write_curves(layout)
        if len(stages) == len(stage_list(config)):
            from quotetune.report import write_report
            from quotetune.report.summary import summarize

            summarize(config)
            print(f"report: {write_report(config.run, config.index)}")


def _as_yaml(config: Config) -> str:
    text: str = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text


def _run_stage(layout: Layout, stage: Stage, others: Sequence[Stage]) -> bool:
    """Do a stage, or copy it, unless it is done or left out; tell whether it is done only now."""
    reason = None if stage.skip is None else stage.skip.reason()
    if reason is not None:
        say(str(Planned(stage.name, False, reason, never=True)))
        return False
    status = inspect(stage)
    if status.state == "done":
        say(str(_planned(stage.name, status)))
        clean(stage)
    elif (source := _copied(stage, others)) is not None:
        say(str(Planned(stage.name, True, f"from {source}", copied=True)))
    else:
        say(str(_planned(stage.name, status)))
        complete(stage)
    record_stage(layout, stage)
    return status.state != "done"


def _copied(stage: Stage, others: Sequence[Stage]) -> Path | None:
    """Copy a stage that another run has done; return where it was, or None if there is none."""
    for other in others:
        if other.name == stage.name and copy_result(stage, other.directory):
            return other.directory
    return None


@contextmanager
def _lock(run: Path) -> Iterator[None]:
    """Lock the run directory; the lock ends with this process, however that ends."""
    path = run / ".lock"
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise QuotetuneError(
            f"run {run}: cannot be written ({error.strerror}): make room, get write access, or"
            " set run to another directory"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise UsageError(
                f"run {run}: process {holder} is working on it: wait until it ends, or set run to"
                " another directory"
            ) from error
        except OSError as error:
            raise UsageError(
                f"run {run}: its file system has no locks ({error.strerror}), so two processes"
                " could work on it at once: set run to a directory on a local disk, and copy it"
                " here when it is complete"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
