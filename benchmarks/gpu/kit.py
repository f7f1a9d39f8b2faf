"""What a step gets, and how it keeps what it has measured."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu.results import MEASURED, read_json, write_json

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Kit:
    """What a step gets.

    Attributes:
        work: Directory for its files, which the next call finds.
        demo: The demo's directory.
        gpu: Whether there is a GPU; a CPU gets smaller sizes.
        shape: The model that was asked for; None for the default.
    """

    work: Path
    demo: Path
    gpu: bool
    shape: str | None = None

    def part(self, name: str, measure: Callable[[], Rows]) -> Rows:
        """Return the rows of a part; measure it, unless an earlier call has.

        Args:
            name: Its name, which differs for another size.
            measure: Measures it.
        """
        file = self.work / MEASURED
        measured: dict[str, Rows] = read_json(file) or {}
        if name not in measured:
            rows = measure()
            write_json(file, {**measured, name: rows})
            return rows
        return measured[name]


def row(measured: str, value: float, unit: str, size: str) -> dict[str, Any]:
    """Return a row of the results."""
    return {"measured": measured, "value": value, "unit": unit, "size": size}
