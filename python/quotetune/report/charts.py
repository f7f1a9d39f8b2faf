"""Charts of the report as inline SVG, coloured by the page's style sheet.

A chart's text is readable on a phone, where 400 units take 340 pixels or more. The label of a chart
and the tooltips of its points say what it shows.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 400, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 34
_TICKS = 4
_LABELS = 6  # the most names that fit under an axis
_Show = Callable[[float], str]


@dataclass(frozen=True)
class Point:
    """A point of a line.

    Attributes:
        name: Name under the axis.
        value: Height.
        low: Lower end of the interval, if there is one.
        high: Upper end of the interval.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Bars:
    """A series of a bar chart: its name, and one height per bin."""

    name: str
    heights: Sequence[float]


def line_chart(label: str, points: Sequence[Point], show: _Show, tick: _Show) -> Markup:
    """Draw a line.

    Args:
        label: Description of the chart, for screen readers.
        points: At least one point, from left to right at equal distances.
        show: Writes a value.
        tick: Writes a number beside the axis, which includes 0.

    Returns:
        An `svg` element.

    Example:
        >>> chart = line_chart("QUIP", [Point("base", 0.1), Point("round 1", 0.3)], str, str)
        >>> chart.count("<circle")
        2
    """
    values = [value for p in points for value in (p.value, p.low, p.high) if value is not None]
    ticks = axis_ticks(min(0.0, *values), max(0.0, *values))
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(points) - 1, 1)
    places = [(_LEFT + step * number, _y(p.value, ticks)) for number, p in enumerate(points)]
    drawn = [_frame(ticks, tick)]
    band = [p for p in points if p.low is not None and p.high is not None]
    if len(band) == len(points) > 1:
        upper = [(x, _y(p.high or 0.0, ticks)) for (x, _), p in zip(places, points, strict=True)]
        lower = [(x, _y(p.low or 0.0, ticks)) for (x, _), p in zip(places, points, strict=True)]
        drawn.append(
            Markup('<polygon class="band" points="{}"/>').format(_path([*upper, *lower[::-1]]))
        )
    drawn.append(Markup('<polyline class="line" points="{}"/>').format(_path(places)))
    skip = math.ceil(len(points) / _LABELS)
    for number, ((x, y), p) in enumerate(zip(places, points, strict=True)):
        exact = p.low is None or p.high is None or p.low == p.high
        interval = "" if exact else f" ({show(p.low or 0.0)} to {show(p.high or 0.0)})"
        drawn.append(
            Markup(
                '<circle class="point" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>'
            ).format(
                x,
                y,
                4 if skip == 1 else 2 if len(points) <= 40 else 1,
                f"{p.name}: {show(p.value)}{interval}",
            )
        )
        if number % skip == 0:
            drawn.append(_name(p.name, x, number == 0, number == len(points) - 1))
    return _svg(label, drawn)


def bar_chart(
    label: str, bins: Sequence[str], series: Sequence[Bars], show: _Show, describe: str
) -> Markup:
    """Draw the bars of several series beside each other in each bin.

    Args:
        label: Description of the chart, for screen readers.
        bins: Names of the bins.
        series: At most four series.
        show: Writes a height.
        describe: Unit of a height, for tooltips.

    Returns:
        An `svg` element, where series k has the class `series-k`.

    Example:
        >>> chart = bar_chart("QUIP", ["0-5%", "5-10%"], [Bars("base", [1, 2])], str, "responses")
        >>> chart.count("<rect")
        2
    """
    ticks = axis_ticks(0.0, max((h for bars in series for h in bars.heights), default=0.0))
    slot = (_WIDTH - _LEFT - _RIGHT) / max(len(bins), 1)
    width = 0.8 * slot / max(len(series), 1)
    skip = math.ceil(len(bins) / _LABELS)
    drawn = [_frame(ticks, show)]
    for number, name in enumerate(bins):
        left = _LEFT + slot * (number + 0.1)
        for place, bars in enumerate(series):
            height = bars.heights[number]
            top = _y(height, ticks)
            drawn.append(
                Markup(
                    '<rect class="series-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                    "<title>{}</title></rect>"
                ).format(
                    place,
                    left + place * width,
                    top,
                    width,
                    _HEIGHT - _BOTTOM - top,
                    f"{bars.name}, {name}: {show(height)} {describe}",
                )
            )
        if number % skip == 0:
            drawn.append(_name(name, left + 0.4 * slot, False, False))
    return _svg(label, drawn)


def axis_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from at most `low` to at least `high`.

    Example:
        >>> axis_ticks(0, 8.7)
        [0.0, 2.5, 5.0, 7.5, 10.0]
        >>> axis_ticks(3, 3)
        [3.0, 4.0]
    """
    if high <= low:
        return [float(low), low + (abs(low) or 1.0) / 3]
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * round_ for round_ in (1, 2, 2.5, 5, 10) if power * round_ >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _y(value: float, ticks: Sequence[float]) -> float:
    share = (value - ticks[0]) / (ticks[-1] - ticks[0])
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _path(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _frame(ticks: Sequence[float], show: _Show) -> Markup:
    return Markup("").join(
        Markup(
            '<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>'
            '<text class="tick" x="{3}" y="{4:.1f}">{5}</text>'
        ).format(_LEFT, _WIDTH - _RIGHT, y, _LEFT - 6, y + 4, show(tick))
        for tick in ticks
        for y in (_y(tick, ticks),)
    )


def _name(name: str, x: float, first: bool, last: bool) -> Markup:
    anchor = "start" if first else "end" if last else "middle"
    return Markup('<text class="name {}" x="{:.1f}" y="{}">{}</text>').format(
        anchor, x, _HEIGHT - 10, name
    )


def _svg(label: str, drawn: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDTH, _HEIGHT, label, Markup("").join(drawn))
