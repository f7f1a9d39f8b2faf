"""A table of measurements, with quotetune's in its first row."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.timing import Time

HEADER = ("system", "wall", "CPU", "quotetune is, wall", "quotetune is, CPU")


@dataclass(frozen=True)
class Row:
    """One system's measurement.

    Attributes:
        system: Its name.
        amount: How much it did, in the unit of the table's rate.
        time: How long that took; None if it was given up.
        limit: Seconds after which it would have been given up.
    """

    system: str
    amount: float
    time: Time | None
    limit: float = 0.0


@dataclass(frozen=True)
class Table:
    """What several systems took for the same work.

    Attributes:
        title: What was measured.
        unit: Unit of the numbers.
        rows: The systems; quotetune first.
        seconds_each: The numbers are seconds for one of the amount, times this; 0 for a rate,
            amount a second.
        compares: Whether the other rows are to be compared with the first.
        notes: What a reader must know to judge the numbers.
    """

    title: str
    unit: str
    rows: Sequence[Row]
    seconds_each: float = 0.0
    compares: bool = True
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def header(self) -> Sequence[str]:
        """Names of the columns."""
        return HEADER

    @property
    def heading(self) -> str:
        """What stands above the table."""
        return f"{self.title} ({self.unit})"

    def cells(self) -> list[tuple[str, ...]]:
        """The rows as text, one column for each of `HEADER`."""
        return [self._cells(row) for row in self.rows]

    def markdown(self) -> str:
        """The table in Markdown, under a heading."""
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
    """Numbers of several kinds, a row for each case; nobody is compared with anybody.

    Attributes:
        heading: What was measured.
        header: Names of the columns, with their units.
        rows: The cells, as many a row as there are columns.
        notes: What a reader must know to judge the numbers.
    """

    heading: str
    header: Sequence[str]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = field(default_factory=tuple)

    def cells(self) -> list[tuple[str, ...]]:
        """The rows."""
        return list(self.rows)

    def markdown(self) -> str:
        """The table in Markdown, under its heading."""
        return _markdown(self.heading, self.header, self.rows, self.notes)


def number(value: float) -> str:
    """Two digits or more, and no exponent."""
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
