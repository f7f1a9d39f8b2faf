"""What a metric is: how it is written and averaged, and which value is better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["higher", "lower"]
Form = Literal["share", "number", "integer"]
Average = Literal["all", "scored", "pooled"]
Measured = Literal["always", "on demand", "drift"]
Shown = Literal["headline", "curve", "table", "further"]


@dataclass(frozen=True)
class Metric:
    """A number of a policy's responses to the held-out prompts.

    Attributes:
        key: Its name in `metrics.json`, and in `responses.parquet` if it is a mean.
        label: Its name for a reader.
        form: `share` is written in per cent, differences in percentage points.
        meaning: What it is, in a sentence or two.
        better: Which value is better; None if neither.
        of_quotes: Whether it measures quoting, so that `pairs.direction: unquote` turns it round.
        average: How it averages over responses: one without a number counts 0 (`all`), or not at
            all (`scored`), or the n-grams of all are counted together (`pooled`). None if it is no
            mean, and so has no interval.
        measured: `always`; `on demand`, by the key of `evaluation` with the same name; or by
            `drift`, which puts it into `curves.json` instead of `metrics.json`.
        shown: Where: `headline`, above all; `curve`, round by round and in the tables; `table`, in
            the tables only; or `further`, in the second one of `summary.md`.
    """

    key: str
    label: str
    form: Form
    meaning: str
    better: Better | None = None
    of_quotes: bool = False
    average: Average | None = None
    measured: Measured = "always"
    shown: Shown = "table"

    def better_in(self, direction: str) -> Better | None:
        """Say which value is the better one under `pairs.direction`; None if neither.

        Example:
            >>> from quotetune.metrics.table import metric_named
            >>> [metric_named("quip").better_in(way) for way in ("quote", "unquote")]
            ['higher', 'lower']
        """
        return "lower" if self.of_quotes and direction == "unquote" else self.better

    def terms(self, rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
        """Return what a mean over responses divides, and by what.

        Args:
            rows: The rows of `responses.parquet`.

        Example:
            >>> from quotetune.metrics.table import metric_named
            >>> rows = [{"quip": None, "rouge_l": None}, {"quip": 0.5, "rouge_l": 0.5}]
            >>> metric_named("quip").terms(rows), metric_named("rouge_l").terms(rows)
            ((0.5, 2), (0.5, 1))
        """
        if self.average == "pooled":
            return sum(r["numerator"] for r in rows), sum(r["denominator"] for r in rows)
        values = [row[self.key] for row in rows if row[self.key] is not None]
        return sum(values), len(rows) if self.average == "all" else len(values)

    def show(self, value: float | None) -> str:
        """Write a value.

        Example:
            >>> from quotetune.metrics.table import metric_named
            >>> metric_named("quip").show(0.0874), metric_named("length_chars").show(314.7)
            ('8.7%', '315')
        """
        if value is None:
            return "\N{EN DASH}"
        digits = self._digits(value)
        return f"{value:.{digits}%}" if self.form == "share" else f"{value:,.{digits}f}"

    def _digits(self, value: float) -> int:
        """Return how many decimals a number of this size needs."""
        size = 100 * abs(value) if self.form == "share" else abs(value)
        if self.form == "share":
            return 1 if size >= 1 or size == 0 else 2 if size >= 0.1 else 4
        if self.form == "integer" or size >= 1000:
            return 0
        return 1 if size >= 10 else 2

    def show_tick(self, value: float) -> str:
        """Write a number beside an axis.

        Example:
            >>> from quotetune.metrics.table import metric_named
            >>> metric_named("quip").show_tick(0.25), metric_named("perplexity").show_tick(300)
            ('25%', '300')
        """
        return f"{100 * value:g}%" if self.form == "share" else f"{value:g}"

    def show_difference(self, value: float, beside: float) -> str:
        """Write a difference, with its sign.

        Args:
            value: The difference.
            beside: What it is a difference to, which says how many decimals are of use.

        Example:
            >>> from quotetune.metrics.table import metric_named
            >>> metric_named("quip").show_difference(0.0041, 0.04)
            '+0.4'
        """
        shown = 100 * value if self.form == "share" else value
        digits = self._digits(max(abs(value), abs(beside)))
        return f"{shown:+.{digits}f}".replace("-", "\N{MINUS SIGN}")

    @property
    def unit_of_difference(self) -> str:
        """What a difference counts."""
        return "points" if self.form == "share" else ""
