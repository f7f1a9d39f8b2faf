"""A metric: its name, how it is written and averaged, and which value is better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["higher", "lower"]
Form = Literal["share", "number", "integer"]
Need = Literal["documents", "passages", "reference", "answers"]
Average = Literal["all", "scored", "pooled", "of quip"]
Measured = Literal["always", "on demand", "drift"]
Shown = Literal["headline", "curve", "table", "further"]


@dataclass(frozen=True)
class Metric:
    """A number that a run reports about a policy.

    Attributes:
        key: Name in `metrics.json`, and in `responses.parquet` if it is a mean.
        label: Name for a reader.
        form: How it is written. `share` is in per cent, and differences in percentage points.
        meaning: Definition in a sentence or two, for a reader.
        better: The better value; None if neither is better.
        of_quotes: Whether it measures quoting, so that `pairs.direction: unquote` reverses it.
        average: How it averages over responses. `all`: a response without a number counts as 0.
            `scored`: such a response is left out. `pooled`: the n-grams of all responses are
            counted together. `of quip`: the on-topic QUIP of all responses is divided by their
            QUIP. None if it is not a mean; it then has no interval.
        needs: The field of a prompt without which its responses have no number, if there is one.
        measured: When it is measured. `always`; `on demand`, if the key of the same name in
            `evaluation` is set; `drift`, if `drift` is set, into `curves.json` instead of
            `metrics.json`.
        shown: Where it is shown. `headline`: everywhere. `curve`: in curves and tables. `table`: in
            tables only. `further`: in the second table of `summary.md`.
    """

    key: str
    label: str
    form: Form
    meaning: str
    better: Better | None = None
    of_quotes: bool = False
    average: Average | None = None
    needs: Need | None = None
    measured: Measured = "always"
    shown: Shown = "table"

    def better_in(self, direction: str) -> Better | None:
        """Return the better value under `pairs.direction`; None if neither is better.

        Example:
            >>> from quotetune.metrics.table import metric_named
            >>> [metric_named("quip").better_in(way) for way in ("quote", "unquote")]
            ['higher', 'lower']
        """
        return "lower" if self.of_quotes and direction == "unquote" else self.better

    def terms(self, rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
        """Return the numerator and the denominator of the mean over responses.

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
        if self.average == "of quip":
            own = [row for row in rows if row["on_topic_quip"] is not None]
            return sum(r["on_topic_quip"] for r in own), sum(r["quip"] or 0.0 for r in own)
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
        """Return the number of decimals for a number of this size."""
        size = 100 * abs(value) if self.form == "share" else abs(value)
        if self.form == "share":
            return 1 if size >= 1 or size == 0 else 2 if size >= 0.1 else 4
        if self.form == "integer" or size >= 1000:
            return 0
        return 1 if size >= 10 else 2

    def show_tick(self, value: float) -> str:
        """Write a number at a tick of an axis.

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
            beside: The value that it is compared with, which decides the number of decimals.

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
        """The unit of a difference."""
        return "points" if self.form == "share" else ""
