"""What the measures are called, how they are written, and what they mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Form = Literal["share", "number", "integer"]


@dataclass(frozen=True)
class Measure:
    """How a measure is shown.

    Attributes:
        key: Its name in `metrics.json`.
        label: Its name for a reader.
        form: `share` is written in per cent, differences in percentage points.
        meaning: What it is, in a sentence or two.
        better: 1 if more is better, -1 if less is, 0 if neither.
    """

    key: str
    label: str
    form: Form
    meaning: str
    better: int = 0

    def show(self, value: float | None) -> str:
        """Write a value.

        Example:
            >>> known_measure("quip").show(0.0874), known_measure("length_chars").show(314.7)
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
            >>> known_measure("quip").show_tick(0.25), known_measure("perplexity").show_tick(300.0)
            ('25%', '300')
        """
        return f"{100 * value:g}%" if self.form == "share" else f"{value:g}"

    def show_difference(self, value: float, beside: float) -> str:
        """Write a difference, with its sign.

        Args:
            value: The difference.
            beside: What it is a difference to, which says how many decimals are of use.

        Example:
            >>> known_measure("quip").show_difference(0.0041, 0.04)
            '+0.4'
        """
        shown = 100 * value if self.form == "share" else value
        digits = self._digits(max(abs(value), abs(beside)))
        return f"{shown:+.{digits}f}".replace("-", "\N{MINUS SIGN}")

    @property
    def unit_of_difference(self) -> str:
        """What a difference counts."""
        return "points" if self.form == "share" else ""


_KNOWN = (
    Measure(
        "quip",
        "QUIP",
        "share",
        "The share of a response's character n-grams that stand verbatim in the corpus; the mean"
        " over all responses, where one that is too short to have any counts as 0.",
        1,
    ),
    Measure(
        "quip_micro",
        "QUIP, micro",
        "share",
        "The same over the n-grams of all responses together.",
        1,
    ),
    Measure(
        "on_topic_quip",
        "QUIP on topic",
        "share",
        "The share of n-grams that stand in the documents that belong to the prompt: quoting the"
        " right source, not only some source. Over the prompts that have such documents.",
        1,
    ),
    Measure(
        "quip_ignore_prompt",
        "QUIP without the prompt",
        "share",
        "QUIP without the n-grams that stand in the prompt itself.",
        1,
    ),
    Measure(
        "false_positive_floor",
        "false positives",
        "share",
        "The QUIP that the filter's errors alone give: that of the same responses in characters"
        " that no corpus holds.",
        -1,
    ),
    Measure(
        "coverage",
        "inside quotes",
        "share",
        "The share of a response's characters that stand inside a quote.",
        1,
    ),
    Measure(
        "longest_quote",
        "longest quote",
        "number",
        "Characters of a response's longest quote; the mean, 0 for a response without one.",
        1,
    ),
    Measure(
        "documents_quoted",
        "documents quoted",
        "integer",
        "How many different documents all responses together quote; of the documents that hold a"
        " quote the first of the corpus counts.",
    ),
    Measure(
        "rouge_l",
        "ROUGE-L",
        "share",
        "How much a response shares with the prompt's reference: F-measure of their longest common"
        " subsequence of words.",
        1,
    ),
    Measure(
        "bart_score",
        "BARTScore",
        "number",
        "How likely a BART model finds the reference, given the response: mean log-probability of"
        " a token.",
        1,
    ),
    Measure(
        "perplexity",
        "perplexity",
        "number",
        "How much a response surprises the judging model.",
        -1,
    ),
    Measure(
        "kl_to_base",
        "KL to the base model",
        "number",
        "How far the policy has gone from the base model: the mean of log p / p_base of its own"
        " tokens, in nats.",
    ),
    Measure(
        "perplexity_outside",
        "perplexity of other text",
        "number",
        "How much text outside the corpus surprises the policy: what the training has damaged.",
        -1,
    ),
    Measure(
        "mauve",
        "MAUVE",
        "number",
        "How close all responses together are to all references together, from 0 to 1.",
        1,
    ),
    Measure(
        "distinct_1",
        "distinct words",
        "share",
        "Different words by all words of all responses together; longer responses have fewer.",
    ),
    Measure(
        "distinct_2",
        "distinct word pairs",
        "share",
        "Different pairs of neighbouring words by all such pairs.",
    ),
    Measure("length_tokens", "length in tokens", "number", "Tokens of a response."),
    Measure("length_chars", "length in characters", "integer", "Characters of a response."),
    Measure(
        "repetition",
        "repetition",
        "share",
        "The share of a response's word 4-grams that it had already used.",
        -1,
    ),
    Measure(
        "cut",
        "cut",
        "share",
        "The share of responses that reached the limit of tokens and stop there.",
    ),
)
_BY_KEY = {measure.key: measure for measure in _KNOWN}


def known_measure(key: str) -> Measure:
    """Return a measure; one that is not described here goes by its own name.

    Example:
        >>> known_measure("a_new_one").label
        'a new one'
    """
    return _BY_KEY.get(key) or Measure(key, key.replace("_", " "), "number", "")


def measures_of(rows: Iterable[Mapping[str, Any]]) -> list[Measure]:
    """List the measures of which any row has a number: those described here first.

    Example:
        >>> [measure.key for measure in measures_of([{"x": 1.0, "quip": None}, {"quip": 0.5}])]
        ['quip', 'x']
    """
    keys = dict.fromkeys(
        key for row in rows for key, value in row.items() if isinstance(value, int | float)
    )
    known = [measure for measure in _KNOWN if measure.key in keys]
    return known + [known_measure(key) for key in keys if key not in _BY_KEY]
