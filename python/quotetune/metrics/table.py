"""The metrics: all that lists them reads this one table.

Those are the keys of `metrics.json`, the config's `best.criterion`, the tables of a run, its
report, its curves, and the intervals. docs/metrics.md says of each where it comes from.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from quotetune.metrics.metric import Metric

# The metrics of a row of a table, by their keys.
Metrics = Mapping[str, float | None]

METRICS = (
    Metric(
        "quip",
        "QUIP",
        "share",
        "The share of a response's character n-grams that stand verbatim in the corpus; the mean"
        " over all responses, where one that is too short to have any counts as 0.",
        better="higher",
        of_quotes=True,
        average="all",
        shown="headline",
    ),
    Metric(
        "quip_micro",
        "QUIP micro",
        "share",
        "The same over the n-grams of all responses together.",
        better="higher",
        of_quotes=True,
        average="pooled",
    ),
    Metric(
        "on_topic_quip",
        "on-topic QUIP",
        "share",
        "The share of n-grams that stand in the documents that belong to the prompt: quoting the"
        " right source, not only some source. Over the prompts that have such documents.",
        better="higher",
        of_quotes=True,
        average="scored",
        shown="headline",
    ),
    Metric(
        "quip_ignore_prompt",
        "QUIP without the prompt",
        "share",
        "QUIP without the n-grams that stand in the prompt itself.",
        better="higher",
        of_quotes=True,
        average="all",
        shown="further",
    ),
    Metric(
        "false_positive_floor",
        "false-positive floor",
        "share",
        "The QUIP that the filter's errors alone give: that of the same responses in characters"
        " that no corpus holds.",
        better="lower",
        average="scored",
        shown="further",
    ),
    Metric(
        "coverage",
        "coverage",
        "share",
        "The share of a response's characters that stand inside a quote.",
        better="higher",
        of_quotes=True,
        average="all",
        shown="headline",
    ),
    Metric(
        "longest_quote",
        "longest quote",
        "number",
        "Characters of a response's longest quote; the mean, 0 for a response without one.",
        better="higher",
        of_quotes=True,
        average="scored",
        shown="headline",
    ),
    Metric(
        "documents_quoted",
        "documents quoted",
        "integer",
        "How many different documents all responses together quote; of the documents that hold a"
        " quote the first of the corpus counts.",
        of_quotes=True,
        shown="further",
    ),
    Metric(
        "rouge_l",
        "ROUGE-L",
        "share",
        "How much a response shares with the prompt's reference: F-measure of their longest common"
        " subsequence of words (runs of a-z and 0-9, lower-cased). Over the prompts that have one.",
        better="higher",
        average="scored",
        shown="headline",
    ),
    Metric(
        "bart_score",
        "BARTScore",
        "number",
        "How likely a BART model finds the reference, given the response: mean log-probability of"
        " a token.",
        better="higher",
        average="scored",
        measured="on demand",
    ),
    Metric(
        "perplexity",
        "perplexity",
        "number",
        "How much a response surprises the scoring model.",
        better="lower",
        average="scored",
        measured="on demand",
        shown="headline",
    ),
    Metric(
        "kl_to_base",
        "KL to the base model",
        "number",
        "How far the policy has gone from the base model: the mean of log p / p_base of its own"
        " tokens, in nats.",
        measured="drift",
        shown="curve",
    ),
    Metric(
        "perplexity_outside",
        "perplexity of other text",
        "number",
        "How much text outside the corpus surprises the policy: what the training has damaged.",
        better="lower",
        measured="drift",
        shown="headline",
    ),
    Metric(
        "mauve",
        "MAUVE",
        "number",
        "How close all responses together are to all references together, from 0 to 1.",
        better="higher",
        measured="on demand",
    ),
    Metric(
        "distinct_1",
        "distinct-1",
        "share",
        "Different words by all words of all responses together; longer responses have fewer.",
        shown="further",
    ),
    Metric(
        "distinct_2",
        "distinct-2",
        "share",
        "Different pairs of neighbouring words by all words of all responses together.",
        shown="further",
    ),
    Metric(
        "length_tokens",
        "tokens",
        "number",
        "The length of a response in tokens, without the end of text.",
        average="scored",
    ),
    Metric(
        "length_chars",
        "characters",
        "integer",
        "The length of a response in characters.",
        average="all",
        shown="headline",
    ),
    Metric(
        "repetition",
        "repetition",
        "share",
        "The share of a response's word 4-grams that it had already used.",
        better="lower",
        average="all",
        shown="curve",
    ),
    Metric(
        "cut",
        "cut",
        "share",
        "The share of responses that reached the limit of tokens and stop there.",
        better="lower",
        average="scored",
    ),
)
_BY_KEY = {metric.key: metric for metric in METRICS}
# What every evaluation has in its metrics.json, if only as null; and what `drift` measures.
EVALUATED = tuple(metric.key for metric in METRICS if metric.measured != "drift")
ON_DEMAND = tuple(metric.key for metric in METRICS if metric.measured == "on demand")
OF_DRIFT = tuple(metric.key for metric in METRICS if metric.measured == "drift")
AVERAGED = tuple(metric for metric in METRICS if metric.average is not None)


def metric_named(key: str) -> Metric:
    """Return a metric; one that is not in the table goes by its own name.

    Example:
        >>> metric_named("a_new_one").label
        'a new one'
    """
    return _BY_KEY.get(key) or Metric(key, key.replace("_", " "), "number", "")


def metrics_of(rows: Iterable[Mapping[str, Any]]) -> list[Metric]:
    """List the metrics of which any row has a number: those of the table first.

    Example:
        >>> [metric.key for metric in metrics_of([{"x": 1.0, "quip": None}, {"quip": 0.5}])]
        ['quip', 'x']
    """
    keys = dict.fromkeys(
        key for row in rows for key, value in row.items() if isinstance(value, int | float)
    )
    known = [metric for metric in METRICS if metric.key in keys]
    return known + [metric_named(key) for key in keys if key not in _BY_KEY]
