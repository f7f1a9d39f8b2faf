"""A table of measurements, with quotetune in the first row."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.timing import Time

HEADER = ("system", "wall", "CPU", "quotetune, by wall time", "quotetune, by CPU time")


@dataclass(frozen=True)
class Row:
    """One system's measurement.

    Attributes:
        system: Name of the system.
        amount: Amount of work, in the unit of the table's rate.
        time: Time of that work; None if the system was abandoned.
        limit: Seconds after which a system is abandoned.
    """

    system: str
    amount: float
    time: Time | None
    limit: float = 0.0


@dataclass(frozen=True)
class Table:
    """The time that several systems took for the same work.

    Attributes:
        title: The measured work.
        unit: Unit of the numbers.
        rows: The systems; quotetune first.
        seconds_each: If it is not 0, the numbers are seconds per unit of the amount, times this.
            Otherwise they are rates, the amount per second.
        compares: Whether the table compares the other rows with the first.
        notes: Facts that a reader needs to judge the numbers.
    """

    title: str
    unit: str
    rows: Sequence[Row]
    seconds_each: float = 0.0
    compares: bool = True
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def header(self) -> Sequence[str]:
        """The names of the columns."""
        return HEADER

    @property
    def heading(self) -> str:
        """The heading above the table."""
        return f"{self.title} ({self.unit})"

    def cells(self) -> list[tuple[str, ...]]:
        """Return the rows as text, with a cell for each column of `HEADER`."""
        return [self._cells(row) for row in self.rows]

    def markdown(self) -> str:
        """Return the table in Markdown, under its heading."""
        return _markdown(self.heading, self.header, self.cells(), self.notes)

    def _cells(self, row: Row) -> tuple[str, ...]:
        ours = self.rows[0]
        if row.time is None:
            return row.system, f"not in {row.limit:.0f} s", "", *self._bound(row), ""
        numbers = (
            row.system,
            number(self._value(row.amount, row.time.wall)),
            number(self._value(row.amount, row.time.cpu)),
        )
        if row is ours or ours.time is None or not self.compares:
            return *numbers, "", ""
        scale = ours.amount / row.amount
        wall = row.time.wall / ours.time.wall * scale
        cpu = row.time.cpu / ours.time.cpu * scale
        return *numbers, f"{number(wall)}x as fast", f"{number(cpu)}x as fast"

    def _value(self, amount: float, seconds: float) -> float:
        return seconds / amount * self.seconds_each if self.seconds_each else amount / seconds

    def _bound(self, row: Row) -> tuple[str]:
        ours = self.rows[0].time
        if ours is None:
            return ("",)
        return (f"over {number(row.limit / ours.wall)}x as fast",)


@dataclass(frozen=True)
class Listing:
    """Numbers of several kinds, one row per case, without a comparison.

    Attributes:
        heading: The measured work.
        header: Names of the columns, with their units.
        rows: The cells, one per column in each row.
        notes: Facts that a reader needs to judge the numbers.
    """

    heading: str
    header: Sequence[str]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = field(default_factory=tuple)

    def cells(self) -> list[tuple[str, ...]]:
        """Return the rows."""
        return list(self.rows)

    def markdown(self) -> str:
        """Return the table in Markdown, under its heading."""
        return _markdown(self.heading, self.header, self.rows, self.notes)


def number(value: float) -> str:
    """Format a number with two digits or more, and no exponent."""
    if 0 < value < 0.1:
        return f"{value:.2g}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def _markdown(
    heading: str, header: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]
) -> str:
    lines = [f"### {heading}", ""]
    lines += [_line(header), _line(["---"] + ["---:"] * (len(header) - 1))]
    lines += [_line(cells) for cells in rows]
    lines += ["", *notes] if notes else []
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
