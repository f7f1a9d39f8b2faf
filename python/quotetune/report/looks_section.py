"""The evaluations on the held-out prompts, as lines of a table."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from quotetune.metrics.row_names import row_label
from quotetune.runs.directory import round_name


def look_lines(looks: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Write each evaluation, with the settings that differ from those of the one before it.

    Args:
        looks: The record, as `read_looks` returns it.

    Example:
        >>> first = {"when": "2026-11-27T10:00:00+00:00", "evaluation": "base", "settings": {}}
        >>> second = {**first, "evaluation": "round-1", "settings": {"dpo": {"beta": 0.2}}}
        >>> [(line["evaluation"], line["changes"]) for line in look_lines([first, second])]
        [('base', ''), ('round 1', 'dpo.beta: default -> 0.2')]
    """
    lines = []
    before: dict[str, Any] | None = None
    for look in looks:
        now = _keys(look["settings"])
        lines.append(
            {
                "when": look["when"],
                "evaluation": row_label(look["evaluation"]),
                "changes": "" if before is None else "; ".join(_changes(before, now)),
            }
        )
        before = now
    return lines


def _keys(block: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """Return the settings by their dotted keys."""
    keys: dict[str, Any] = {}
    for key, value in block.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):  # one per round
            value = {round_name(number): one for number, one in enumerate(value, start=1)}
        keys |= _keys(value, f"{name}{key}.") if isinstance(value, Mapping) else {name + key: value}
    return keys


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}: {_shown(before, key)} -> {_shown(now, key)}"
        for key in {**before, **now}
        if (key in before, before.get(key)) != (key in now, now.get(key))
    ]


def _shown(settings: Mapping[str, Any], key: str) -> str:
    return json.dumps(settings[key], ensure_ascii=False) if key in settings else "default"
