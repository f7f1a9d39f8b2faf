"""The files of a finished run, as the report reads them.

A file that not every run has may be missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from quotetune.config import Config, PairsConfig
from quotetune.errors import UsageError
from quotetune.metrics.row_names import row_label
from quotetune.metrics.table import OF_DRIFT
from quotetune.prompts.prompt import Prompt, load_prompts
from quotetune.runs.directory import ROUND, RunDirectory
from quotetune.runs.layout import ABSORBED, BASE
from quotetune.runs.looks import read_looks
from quotetune.runs.metrics_json import SCHEMA
from quotetune.runs.stage import MANIFEST
from quotetune.runtime.whole_files import read_json
from quotetune.training.run import RECORD_NAME

_Record = dict[str, Any]
_STEPS = ("prompts", "sample", "score", "pair", "train", "metrics")


@dataclass(frozen=True)
class ResultRow:
    """A row of the table of results: a policy, or something that policies are compared with.

    Attributes:
        key: Its name in the files, such as `round-1`.
        label: Its name for a reader.
        metrics: Its metrics, by name.
        responses: The file of its responses and their measures; None if there is none.
        intervals: The ends of the interval of its difference from the base model, by metric.
    """

    key: str
    label: str
    metrics: Mapping[str, Any]
    responses: Path | None
    intervals: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class StageTime:
    """The time that a stage took.

    Attributes:
        name: Name of the stage.
        seconds: Seconds that it took, from its last start if it was interrupted.
        finished: Time of its end, in ISO 8601.
    """

    name: str
    seconds: float
    finished: str


@dataclass(frozen=True)
class RunFiles:
    """A finished run.

    Attributes:
        directory: Directory of the run.
        config: Content of `config.yaml`.
        metrics: Content of `metrics.json`.
        rows: Rows of the table of results, the base model first.
        dev_rows: All policies on the development prompts; none if the run has no such prompts.
        looks: The record of the evaluations on the held-out prompts, in order.
        prompts: The held-out prompts.
        pairs: Content of each round's `pairs.json`, by the name of its policy.
        trainings: Content of each training's `training.json`, by the name of its policy.
        stages: The stages, in the order in which they finished.
        packages: Versions of packages, by package.
    """

    directory: Path
    config: _Record
    metrics: _Record
    rows: list[ResultRow]
    dev_rows: list[ResultRow]
    looks: list[_Record]
    prompts: list[Prompt]
    pairs: dict[str, _Record]
    trainings: dict[str, _Record]
    stages: list[StageTime]
    packages: dict[str, str]

    @property
    def policies(self) -> list[ResultRow]:
        """The rows of policies: the base model, then those that were trained, in order.

        They are those of the prompts on which the run chose among them.
        """
        rows = self.dev_rows or self.rows
        return [row for row in rows if row.key in (BASE, *self.metrics["policies"])]

    @property
    def seed(self) -> int:
        """The seed of the run."""
        seed: int = self.config.get("seed", Config.model_fields["seed"].default)
        return seed

    @property
    def direction(self) -> str:
        """The run's `pairs.direction`: `quote` or `unquote`."""
        direction: str = (self.config.get("pairs") or {}).get(
            "direction", PairsConfig.model_fields["direction"].default
        )
        return direction

    @property
    def tuned(self) -> ResultRow:
        """The policy that the run selected: its best one."""
        best = self.metrics["best"]["policy"]
        return next(row for row in self.rows if row.key == best)


def read_run(directory: Path) -> RunFiles:
    """Read a finished run.

    Args:
        directory: The run's directory.

    Returns:
        Its files.

    Raises:
        UsageError: It is not the directory of a finished run, or an older version wrote it.
    """
    run = RunDirectory(directory)
    for path in (run.config_file, run.metrics_file, run.heldout):
        if not path.exists():
            name = path.relative_to(directory)
            raise UsageError(
                f"{directory}: not a finished run (it has no {name}): give the directory of a run"
                " that `quotetune train` has finished"
            )
    config = yaml.safe_load(run.config_file.read_text(encoding="utf-8"))
    metrics = read_json(run.metrics_file)
    if metrics["schema"] != SCHEMA:
        raise UsageError(
            f"{directory}: metrics.json has schema {metrics['schema']}, but this version reads"
            f" {SCHEMA}: run `quotetune train` on the run's config.yaml to write it again"
        )
    policies = metrics["policies"]
    manifests = _manifests(directory, policies)
    rounds = sum(policy != ABSORBED for policy in policies)
    pairs = {
        run.round(number).name: read_json(path)
        for number in range(1, rounds + 1)
        if (path := run.pair_statistics(number)).exists()
    }
    trainings = {
        name: read_json(record)
        for name, trained in run.all_trained().items()
        if (record := trained / RECORD_NAME).exists() and not _is_left_over(name, policies)
    }
    return RunFiles(
        directory=directory,
        config=config,
        metrics=metrics,
        rows=_rows(run, metrics),
        dev_rows=_dev_rows(run, metrics),
        looks=read_looks(directory),
        prompts=load_prompts(run.heldout),
        pairs=pairs,
        trainings=trainings,
        stages=[
            StageTime(manifest["stage"], manifest["seconds"], manifest["finished"])
            for manifest in manifests
        ],
        packages={
            name: version
            for manifest in manifests
            for name, version in manifest["packages"].items()
        },
    )


def _rows(run: RunDirectory, metrics: _Record) -> list[ResultRow]:
    """Return the rows of the table of results."""
    drift = {} if metrics.get("dev") else _drift(run.curves_file)
    return [
        ResultRow(
            key,
            row_label(key),
            {**values, **drift.get(key, {})},
            _responses(run, key),
            _ends(metrics["intervals"].get(key, {})),
        )
        for key, values in metrics["rows"].items()
    ]


def _dev_rows(run: RunDirectory, metrics: _Record) -> list[ResultRow]:
    """Return the policies on the development prompts; runs of earlier versions have no such key."""
    dev = metrics.get("dev")
    if dev is None:
        return []
    drift = _drift(run.curves_file)
    return [
        ResultRow(
            key,
            row_label(key),
            {**values, **drift.get(key, {})},
            None,
            _ends(dev["intervals"].get(key, {})),
        )
        for key, values in dev["rows"].items()
    ]


def _ends(intervals: Mapping[str, Sequence[float] | None]) -> dict[str, tuple[float, float]]:
    return {metric: (ends[0], ends[1]) for metric, ends in intervals.items() if ends is not None}


def _drift(path: Path) -> dict[str, dict[str, float | None]]:
    """Read the drift of each policy from the base model, if it was measured."""
    if not path.exists():
        return {}
    content = read_json(path)
    measured = {name: content["curves"][name] for name in OF_DRIFT if name in content["curves"]}
    return {
        policy: {name: values[place] for name, values in measured.items()}
        for place, policy in enumerate(content["policies"])
    }


def _responses(run: RunDirectory, key: str) -> Path | None:
    """Find the responses of a row; those of some rows are in the base model's evaluation."""
    places = (run.row(key), run.row(BASE, key))
    return next((place for place in places if place.exists()), None)


def _manifests(directory: Path, policies: Sequence[str]) -> list[_Record]:
    found = []
    for path in directory.rglob(MANIFEST):
        parts = path.relative_to(directory).parts
        if any(part.endswith(".partial") for part in parts):
            continue
        if not any(_is_left_over(part, policies) for part in parts):
            found.append(read_json(path))
    return sorted(found, key=_order)


def _order(manifest: _Record) -> tuple[str, int]:
    """Sort by time, and stages of the same second by their order in a run."""
    kind = manifest["stage"].rpartition("/")[2]
    return manifest["finished"], _STEPS.index(kind) if kind in _STEPS else len(_STEPS)


def _is_left_over(name: str, policies: Sequence[str]) -> bool:
    """Tell whether a directory is of a round that the run no longer has."""
    return name.startswith(ROUND) and name not in policies
