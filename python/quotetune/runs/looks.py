"""The record of a run's looks at its held-out prompts: `heldout.jsonl` in its directory.

Each line is an object with `when` (the end of the evaluation), `evaluation` (the policy or the
baseline; for `quotetune evaluate`, the names of its rows) and `settings` (the keys of the config
that differ from their defaults). Lines are added and never changed. So the record shows how often
somebody may have chosen by the held-out prompts, which no other file of a run does.
"""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError
from quotetune.runs.directory import RunDirectory
from quotetune.runs.layout import Layout
from quotetune.runs.stage import MANIFEST, Stage


def record_stage(layout: Layout, stage: Stage) -> None:
    """Record a stage that is done, if it evaluates responses to held-out prompts.

    A stage is recorded once, by the time of its end. So the record is complete even if the run was
    killed between the end of the stage and this call, or if an earlier version did the stage.

    Args:
        layout: The layout of the run.
        stage: The stage.

    Raises:
        QuotetuneError: The record cannot be read or written.
    """
    name = evaluated_heldout(layout, stage)
    if name is None:
        return
    manifest = json.loads((stage.directory / MANIFEST).read_text(encoding="utf-8"))
    done = {"when": manifest["finished"], "evaluation": name}
    if not any(look.items() >= done.items() for look in read_looks(layout.run)):
        given = layout.config.model_dump(mode="json", exclude_defaults=True, exclude={"run"})
        _add(layout.looks_file, done | {"settings": given})


def evaluated_heldout(layout: Layout, stage: Stage) -> str | None:
    """Name the evaluation whose metrics on held-out prompts a stage computes; None for others."""
    name, _, step = stage.name.removeprefix("evaluation/").rpartition("/")
    is_heldout = step == "metrics" and stage.directory == layout.metrics_directory(name)
    reads_dev = layout.dev in stage.inputs.values()
    return name if is_heldout and not reads_dev else None


def record_command(prompts: Path, rows: Iterable[str], settings: Mapping[str, Any]) -> None:
    """Record a call of `quotetune evaluate` if its prompts are the held-out ones of a run.

    Args:
        prompts: The file of the prompts.
        rows: The names of the rows that were evaluated.
        settings: The settings of the call.

    Raises:
        QuotetuneError: The record cannot be read or written.
    """
    path = prompts.resolve()
    run = RunDirectory(path.parent.parent)
    if path != run.heldout or not run.config_file.exists():
        return
    when = datetime.now(UTC).isoformat(timespec="seconds")
    look = {"when": when, "evaluation": f"quotetune evaluate: {', '.join(rows)}"}
    _add(run.looks_file, look | {"settings": dict(settings)})


def read_looks(run: Path) -> list[dict[str, Any]]:
    """Read the record of a run, in order; a run that was never evaluated has none.

    Raises:
        QuotetuneError: A line is not one of the record.
    """
    path = RunDirectory(run).looks_file
    if not path.exists():
        return []
    looks = []
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines[:-1], start=1):  # what has no end was not written whole
        try:
            look = json.loads(line)
            looks.append({key: look[key] for key in ("when", "evaluation", "settings")})
        except (ValueError, KeyError, TypeError) as error:
            raise QuotetuneError(
                f"{path}:{number}: not a line of the record of evaluations: correct or remove it"
            ) from error
    return looks


def _add(path: Path, look: Mapping[str, Any]) -> None:
    """Add a line; one whose writing was interrupted is removed first."""
    line = json.dumps(look, ensure_ascii=False, default=str) + "\n"
    try:
        with path.open("a+b") as file:
            file.seek(0)
            content = file.read()
            file.truncate(content.rfind(b"\n") + 1)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise QuotetuneError(
            f"{path}: cannot be written ({error.strerror or error}): make room or get write access,"
            " because the run records each evaluation on its held-out prompts"
        ) from error
