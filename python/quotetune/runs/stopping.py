"""The decisions of the evaluations: which rounds are never run, and which policy is the best."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from quotetune.runs.best import best_policy, stops_after
from quotetune.runs.layout import BASE, Layout
from quotetune.runs.stage import Skip, Stage


def evaluated(layout: Layout) -> list[str]:
    """Name the policies of the run whose deciding evaluation is done, in order."""
    names = []
    for name in layout.policies():
        number = layout.number(name)
        if number > 1 and stop_reason(layout, number) is not None:
            break
        if not layout.deciding_metrics(name).exists():
            break
        names.append(name)
    return names


def criterion(layout: Layout, policy: str) -> float | None:
    """Return a policy's value of `best.criterion` on the prompts on which choices are made."""
    text = layout.deciding_metrics(policy).read_text(encoding="utf-8")
    metrics: dict[str, Any] = json.loads(text)["metrics"]
    value: float | None = metrics[layout.config.best.criterion]
    return value


def best_evaluated(layout: Layout) -> str:
    """Name the policy that a run produces: the best of those that are trained and evaluated."""
    values = {name: criterion(layout, name) for name in evaluated(layout) if name != BASE}
    return best_policy(values, layout.config.best.preferred(layout.config.pairs.direction))


def stop_reason(layout: Layout, number: int) -> str | None:
    """Say why a round is never run; None if it is, or if earlier rounds are not evaluated."""
    if not layout.config.early_stop:
        return None
    before = [layout.start(earlier) for earlier in range(1, number + 1)]
    prefer = layout.config.best.preferred(layout.config.pairs.direction)
    values: dict[str, float | None] = {}
    for name in before:
        if not layout.deciding_metrics(name).exists():
            return None
        values[name] = criterion(layout, name)
        last = stops_after(values, prefer)
        if last is not None:
            shown = ", ".join(
                f"{name} {'-' if value is None else format(value, '.4g')}"
                for name, value in values.items()
            )
            return f"{last} did not improve {layout.config.best.criterion}: {shown}"
    return None


def stoppable(layout: Layout, number: int, stages: list[Stage]) -> list[Stage]:
    """Leave the stages of a round out if an earlier round has not helped."""
    if not layout.config.early_stop or number == 1:
        return stages
    decided_by = _deciding(layout, [layout.start(earlier) for earlier in range(1, number + 1)])
    condition = f"if {layout.start(number)} is better than before"
    skip = Skip(decided_by, lambda: stop_reason(layout, number), condition)
    return [replace(stage, skip=skip) for stage in stages]


def if_best(layout: Layout, stages: list[Stage], policy: str) -> list[Stage]:
    """Leave the stages of a policy out if another one is the best.

    If there are several policies, the best one is not known before all are evaluated.
    """
    _, *trained = layout.policies()
    if trained == [policy]:
        return stages
    decided_by = _deciding(layout, layout.policies())

    def reason() -> str | None:
        best = best_evaluated(layout) if len(evaluated(layout)) > 1 else policy
        return None if best == policy else f"{best} is the best policy"

    skip = Skip(decided_by, reason, f"if {policy} is the best policy")
    return [replace(stage, skip=skip) for stage in stages]


def _deciding(layout: Layout, policies: Iterable[str]) -> dict[str, Path]:
    """Return the directories of the metrics that decide, by policy."""
    return {name: layout.metrics_directory(layout.deciding(name)) for name in policies}
