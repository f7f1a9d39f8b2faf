"""Scatter plots as SVG files that any browser shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from quotetune.report.charts import axis_ticks

_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 60
# Blue, orange, green and pink of Okabe and Ito's palette: colour-blind readers tell them apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")


@dataclass(frozen=True)
class Points:
    """A series of a plot.

    Attributes:
        name: Name in the legend.
        points: Pale points (x, y).
        means: Bold points (x, y, half the length of the bar through the point, or None).
        line: (a, b) of the line y = a + b x; None for no line.
    """

    name: str
    points: Sequence[tuple[float, float]]
    means: Sequence[tuple[float, float, float | None]] = ()
    line: tuple[float, float] | None = None


def scatter_chart(x_label: str, y_label: str, series: Sequence[Points]) -> str:
    """Draw series over common axes.

    Args:
        x_label: Label of the horizontal axis.
        y_label: Label of the vertical axis.
        series: One to four series, with at least one point in all.

    Returns:
        The text of an SVG file.

    Example:
        >>> scatter_chart("x", "y", [Points("a", [(0, 1), (1, 2)])]).count("<circle")
        3
    """
    everything = [(x, y) for one in series for x, y in one.points]
    everything += [(x, y) for one in series for x, y, _ in one.means]
    x_ticks = _ticks([x for x, _ in everything])
    y_ticks = _ticks([y for _, y in everything])
    axes = _Axes(x_ticks, y_ticks)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{escape(y_label)} against {escape(x_label)}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *axes.frame(x_label, y_label),
    ]
    for number, one in enumerate(series):
        colour = _COLOURS[number % len(_COLOURS)]
        drawn += _series(one, colour, axes, number)
    return "\n".join([*drawn, "</svg>"]) + "\n"


class _Axes:
    """Axes, which turn values into places in the plot."""

    def __init__(self, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> None:
        self._x_ticks, self._y_ticks = x_ticks, y_ticks

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point; a point outside the axes is drawn at their end."""
        across = (x - self._x_ticks[0]) / (self._x_ticks[-1] - self._x_ticks[0])
        up = (y - self._y_ticks[0]) / (self._y_ticks[-1] - self._y_ticks[0])
        across, up = min(max(across, 0.0), 1.0), min(max(up, 0.0), 1.0)
        return (
            round(_LEFT + across * (_WIDTH - _LEFT - _RIGHT), 1),
            round(_HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM), 1),
        )

    @property
    def ends(self) -> tuple[float, float]:
        """The first and the last value of the horizontal axis."""
        return self._x_ticks[0], self._x_ticks[-1]

    def frame(self, x_label: str, y_label: str) -> list[str]:
        """Draw the axes with their numbers."""
        drawn = []
        for tick in self._y_ticks:
            _, y = self.place(self._x_ticks[0], tick)
            drawn.append(f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
            drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
        for tick in self._x_ticks:
            x, _ = self.place(tick, self._y_ticks[0])
            low = _HEIGHT - _BOTTOM
            drawn.append(f'<path d="M{x} {low}v6" stroke="#333"/>')
            drawn.append(f'<text x="{x}" y="{low + 20}" text-anchor="middle">{tick:g}</text>')
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        drawn.append(
            f'<text x="{middle}" y="{_HEIGHT - 16}" text-anchor="middle">{escape(x_label)}</text>'
        )
        height = (_TOP + _HEIGHT - _BOTTOM) / 2
        drawn.append(
            f'<text x="18" y="{height}" text-anchor="middle" '
            f'transform="rotate(-90 18 {height})">{escape(y_label)}</text>'
        )
        return drawn


def _series(one: Points, colour: str, axes: _Axes, number: int) -> list[str]:
    drawn = []
    for x, y in one.points:
        across, down = axes.place(x, y)
        drawn.append(f'<circle cx="{across}" cy="{down}" r="2.5" fill="{colour}" opacity="0.35"/>')
    if one.line is not None:
        a, b = one.line
        (x1, y1), (x2, y2) = (axes.place(x, a + b * x) for x in axes.ends)
        drawn.append(f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{colour}" stroke-width="1.5"/>')
    for x, y, half in one.means:
        across, down = axes.place(x, y)
        across += 4 * number  # bars of several series side by side
        if half is not None:
            (_, low), (_, high) = axes.place(x, y - half), axes.place(x, y + half)
            drawn.append(
                f'<path d="M{across} {low}V{high}" stroke="{colour}" stroke-width="2" fill="none"/>'
            )
        drawn.append(f'<circle cx="{across}" cy="{down}" r="5" fill="{colour}"/>')
    place = _LEFT + 10 + 150 * number
    drawn.append(f'<circle cx="{place}" cy="20" r="5" fill="{colour}"/>')
    drawn.append(f'<text x="{place + 10}" y="24">{escape(one.name)}</text>')
    return drawn


def _ticks(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return axis_ticks(low, high)
