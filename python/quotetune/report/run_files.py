"""What a finished run has left, read for the report; nothing that may be missing is asked for."""

import json
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
from quotetune.runs.layout import BASE
from quotetune.runs.metrics_json import SCHEMA
from quotetune.runs.stage import MANIFEST

_Record = dict[str, Any]
_STEPS = ("prompts", "sample", "score", "pair", "train", "metrics")


@dataclass(frozen=True)
class ResultRow:
    """A policy, or a yardstick beside it, that was evaluated on the held-out prompts.

    Attributes:
        key: Its name in the files, such as `round-1`.
        label: Its name for a reader.
        metrics: Its measures.
        responses: The file of its responses and their measures; None if there is none.
        intervals: Of its differences to the base model, by measure: the ends of the interval.
    """

    key: str
    label: str
    metrics: Mapping[str, Any]
    responses: Path | None
    intervals: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class StageTime:
    """What a stage cost.

    Attributes:
        name: The stage.
        seconds: How long it took, since its last start if it was interrupted.
        finished: When it was done, in ISO 8601.
    """

    name: str
    seconds: float
    finished: str


@dataclass(frozen=True)
class RunFiles:
    """A finished run.

    Attributes:
        directory: Where it is.
        config: What `config.yaml` holds.
        metrics: What `metrics.json` holds.
        rows: What was evaluated, the base model first.
        prompts: The held-out prompts.
        pairs: What `pairs.json` of each round holds, by the name of its policy.
        trainings: What `training.json` of each training holds, by the name of its policy.
        stages: The stages, in the order in which they were finished.
        packages: Versions by package.
    """

    directory: Path
    config: _Record
    metrics: _Record
    rows: list[ResultRow]
    prompts: list[Prompt]
    pairs: dict[str, _Record]
    trainings: dict[str, _Record]
    stages: list[StageTime]
    packages: dict[str, str]

    @property
    def policies(self) -> list[ResultRow]:
        """The rows of policies, in the order in which they were trained, the base model first."""
        return [row for row in self.rows if row.key in (BASE, *self.metrics["policies"])]

    @property
    def seed(self) -> int:
        """The seed of the run."""
        seed: int = self.config.get("seed", Config.model_fields["seed"].default)
        return seed

    @property
    def direction(self) -> str:
        """Whether it was to `quote` more, or to `unquote`."""
        direction: str = (self.config.get("pairs") or {}).get(
            "direction", PairsConfig.model_fields["direction"].default
        )
        return direction

    @property
    def tuned(self) -> ResultRow:
        """The policy that the run gives: its best one."""
        best = self.metrics["best"]["policy"]
        return next(row for row in self.rows if row.key == best)


def read_run(directory: Path) -> RunFiles:
    """Read a finished run.

    Args:
        directory: The run's directory.

    Returns:
        What is there.

    Raises:
        UsageError: It is not the directory of a finished run, or an older version wrote it.
    """
    for name in ("config.yaml", "metrics.json", "prompts/heldout.parquet"):
        if not (directory / name).exists():
            raise UsageError(
                f"{directory}: not a finished run, for it has no {name}: give the directory that"
                " quotetune train has written, after its end"
            )
    config = yaml.safe_load((directory / "config.yaml").read_text(encoding="utf-8"))
    metrics = _read_json(directory / "metrics.json")
    if metrics["schema"] != SCHEMA:
        raise UsageError(
            f"{directory}: metrics.json has schema {metrics['schema']}, and this version reads"
            f" {SCHEMA}: run `quotetune train` on the run's config.yaml, which writes it anew"
        )
    policies = metrics["policies"]
    manifests = _manifests(directory, policies)
    pairs = {
        policy: _read_json(path)
        for policy in policies
        if (path := directory / policy / "pairs" / "pairs.json").exists()
    }
    trainings = {
        path.parent.parent.name: _read_json(path)
        for path in sorted(directory.glob("*/adapter/training.json"))
        if not _is_left_over(path.parent.parent.name, policies)
    }
    return RunFiles(
        directory=directory,
        config=config,
        metrics=metrics,
        rows=_rows(directory, metrics),
        prompts=load_prompts(directory / "prompts" / "heldout.parquet"),
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


def _rows(directory: Path, metrics: _Record) -> list[ResultRow]:
    """Return what was evaluated."""
    drift = _drift(directory / "curves.json")
    rows = []
    for key, values in metrics["rows"].items():
        ends = {
            measure: (ends[0], ends[1])
            for measure, ends in metrics["intervals"].get(key, {}).items()
            if ends is not None
        }
        responses = _responses(directory / "evaluation", key)
        rows.append(
            ResultRow(key, row_label(key), {**values, **drift.get(key, {})}, responses, ends)
        )
    return rows


def _drift(path: Path) -> dict[str, dict[str, float | None]]:
    """Read how far each policy has gone from the base model, if that was measured."""
    if not path.exists():
        return {}
    content = _read_json(path)
    measured = {name: content["curves"][name] for name in OF_DRIFT if name in content["curves"]}
    return {
        policy: {name: values[place] for name, values in measured.items()}
        for place, policy in enumerate(content["policies"])
    }


def _responses(evaluation: Path, key: str) -> Path | None:
    """Find the responses of a row: some are derived from the base model's evaluation."""
    places = (
        evaluation / key / "metrics" / "responses.parquet",
        evaluation / BASE / "metrics" / f"{key}.parquet",
    )
    return next((place for place in places if place.exists()), None)


def _manifests(directory: Path, policies: Sequence[str]) -> list[_Record]:
    found = []
    for path in directory.rglob(MANIFEST):
        parts = path.relative_to(directory).parts
        if any(part.endswith(".partial") for part in parts):
            continue
        if not any(_is_left_over(part, policies) for part in parts):
            found.append(_read_json(path))
    return sorted(found, key=_order)


def _order(manifest: _Record) -> tuple[str, int]:
    """Sort by time, and stages of the same second as they follow each other."""
    kind = manifest["stage"].rpartition("/")[2]
    return manifest["finished"], _STEPS.index(kind) if kind in _STEPS else len(_STEPS)


def _is_left_over(name: str, policies: Sequence[str]) -> bool:
    """Tell whether a directory is of a round that the run had once and no longer has."""
    return name.startswith("round-") and name not in policies


def _read_json(path: Path) -> _Record:
    content: _Record = json.loads(path.read_text(encoding="utf-8"))
    return content
