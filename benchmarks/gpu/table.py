"""One table of all results."""

from typing import Any

from benchmarks.gpu.results import DONE
from benchmarks.gpu.steps import STEPS
from benchmarks.table import Listing, number


def table(steps: dict[str, dict[str, Any]]) -> Listing:
    """Return a row per number, and one per step that is not done, with the reason.

    Args:
        steps: What `Results.steps` has.
    """
    rows: list[tuple[str, ...]] = []
    for name in STEPS:
        if name not in steps:
            rows.append((name, "not begun", "", ""))
            continue
        step = steps[name]
        rows += [
            (name, row["measured"], f"{number(row['value'])} {row['unit']}", row["size"])
            for row in step["rows"]
        ]
        if step["state"] != DONE:
            reason = step["reason"].replace("|", "\\|")
            rows.append((name, f"{step['state']}: {reason}", "", ""))
    notes = []
    for machine in _machines(steps):
        of_it = [name for name in STEPS if steps.get(name, {}).get("machine") == machine]
        notes.append(f"{', '.join(of_it)}: {machine['gpu'] or 'no GPU'}. {machine['rest']}")
    return Listing("Measurements of the kit", ("step", "measured", "value", "size"), rows, notes)


def _machines(steps: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in STEPS:
        machine = steps.get(name, {}).get("machine")
        if machine is not None and machine not in found:
            found.append(machine)
    return found
