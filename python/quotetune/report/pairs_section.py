"""Tables of preference pairs in the report: the outcome of the prompts, and the pairs' sides."""

from collections.abc import Mapping, Sequence
from typing import Any

from quotetune.metrics.row_names import row_label
from quotetune.metrics.table import metric_named
from quotetune.pairing.pairs import DISCARDS
from quotetune.report.cells import MISSING, cell

_Record = Mapping[str, Any]
_SIDES = {"samples": "all samples", "gold": "gold", "chosen": "chosen", "rejected": "rejected"}
_MEASURES = {
    "quip": ("QUIP", "{:.1%}"),
    "length": ("length in tokens", "{:.1f}"),
    "cut": ("cut", "{:.1%}"),
    "too_short": ("too short for QUIP", "{:,}"),
    "win_rate": ("win rate", "{:.2f}"),
}


def pair_tables(pairs: Mapping[str, _Record]) -> list[dict[str, Any]]:
    """Write the statistics of the pairs of each round.

    Args:
        pairs: The content of each round's `pairs.json`, by the name of its policy.

    Returns:
        One table with a column per round, then one table per round with a column per side of the
        pairs; each with `caption`, `head` and `lines`. Lines with nothing but gaps and zeros are
        left out.
    """
    if not pairs:
        return []
    return [_prompts_table(pairs), *(_sides_table(*item) for item in pairs.items())]


def _prompts_table(pairs: Mapping[str, _Record]) -> dict[str, Any]:
    every = list(pairs.values())
    lines = [
        ("prompts", [_number(one["prompts"]) for one in every]),
        ("prompts with a pair", [_number(one["prompts_with_pair"]) for one in every]),
        *(
            (
                f"without: {meaning}",
                [_number(one["prompts_without_pair"].get(name)) for one in every],
            )
            for name, meaning in DISCARDS.items()
        ),
        ("pairs", [_number(one["pairs"]) for one in every]),
        ("of these across prompts", [_number(one.get("cross_prompt_pairs")) for one in every]),
        ("repetitive samples", [_number(one.get("repetitive")) for one in every]),
        ("gap in QUIP", [_mean(one.get("gap"), "{:.1%}") for one in every]),
        ("smallest to largest gap", [_range(one.get("gap"), "{:.1%}") for one in every]),
    ]
    if any(_is_ranked(one) for one in every):
        lines.append(("margin of win rates", [_mean(one.get("margin"), "{:.2f}") for one in every]))
    return {
        "caption": "Outcome of the training prompts.",
        "head": [row_label(policy) for policy in pairs],
        "lines": _filled(lines),
    }


def _sides_table(policy: str, statistics: _Record) -> dict[str, Any]:
    sides = {key: label for key, label in _SIDES.items() if statistics.get(key)}
    lines = [("responses", [_number(statistics[side]["count"]) for side in sides])]
    for key, (label, form) in _MEASURES.items():
        if key != "win_rate" or _is_ranked(statistics):
            lines.append((label, [cell(statistics[side].get(key), form) for side in sides]))
    for name in statistics.get("measures", ()):
        metric = metric_named(name)
        lines.append((metric.label, [metric.show(statistics[side][name]) for side in sides]))
    name = row_label(policy).capitalize()
    return {
        "caption": f"{name}: the responses in its pairs, beside all samples.",
        "head": list(sides.values()),
        "lines": _filled(lines),
    }


def _is_ranked(statistics: _Record) -> bool:
    """Tell whether anything but QUIP ranked the candidates."""
    return list(statistics.get("preference") or {"quip": 1}) != ["quip"]


def _number(value: int | None) -> str:
    return cell(value, "{:,}")


def _mean(values: _Record | None, form: str) -> str:
    return cell(None if values is None else values["mean"], form)


def _range(values: _Record | None, form: str) -> str:
    if values is None or values["mean"] is None:
        return MISSING
    return f"{form.format(values['min'])} to {form.format(values['max'])}"


def _filled(lines: Sequence[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    return [line for line in lines if not {MISSING, "0"}.issuperset(line[1])]
