"""The table of metrics, which every module that lists them reads.

The keys of `metrics.json`, the config's `best.criterion`, a run's tables, report and curves, and
the intervals come from it. docs/metrics.md gives the source of each metric.
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
        "The share of a response's character n-grams that occur verbatim in the corpus. The mean"
        " is over all responses, and a response that is too short for an n-gram counts as 0.",
        better="higher",
        of_quotes=True,
        average="all",
        shown="headline",
    ),
    Metric(
        "quip_micro",
        "QUIP micro",
        "share",
        "QUIP over the n-grams of all responses together.",
        better="higher",
        of_quotes=True,
        average="pooled",
    ),
    Metric(
        "on_topic_quip",
        "on-topic QUIP",
        "share",
        "The share of a response's n-grams that occur in the documents that belong to the prompt:"
        " it measures quoting of the right source, not of any source. The mean is over the prompts"
        " that have such documents.",
        better="higher",
        of_quotes=True,
        average="scored",
        needs="documents",
        shown="headline",
    ),
    Metric(
        "on_topic_share",
        "on-topic share",
        "share",
        "On-topic QUIP over QUIP, both of the prompts that have documents: how much of what is"
        " quoted comes from the right source.",
        better="higher",
        of_quotes=True,
        average="of quip",
        needs="documents",
        shown="headline",
    ),
    Metric(
        "quote_precision",
        "quote precision",
        "share",
        "The share of a response's n-grams that occur in the passages that the model saw in the"
        " prompt. The mean is over the prompts that have passages.",
        better="higher",
        of_quotes=True,
        average="scored",
        needs="passages",
    ),
    Metric(
        "quip_ignore_prompt",
        "QUIP without the prompt",
        "share",
        "QUIP without the n-grams that occur in the prompt itself.",
        better="higher",
        of_quotes=True,
        average="all",
        shown="further",
    ),
    Metric(
        "false_positive_floor",
        "false-positive floor",
        "share",
        "The QUIP that the filter's false positives alone give. It is measured on the same"
        " responses, written in characters that no corpus contains.",
        better="lower",
        average="scored",
        shown="further",
    ),
    Metric(
        "coverage",
        "coverage",
        "share",
        "The share of a response's characters that are inside a quote.",
        better="higher",
        of_quotes=True,
        average="all",
        shown="headline",
    ),
    Metric(
        "longest_quote",
        "longest quote",
        "number",
        "The characters of a response's longest quote; 0 for a response without a quote.",
        better="higher",
        of_quotes=True,
        average="scored",
        shown="headline",
    ),
    Metric(
        "documents_quoted",
        "documents quoted",
        "integer",
        "The number of different documents that all responses together quote. If several documents"
        " contain a quote, the first one of the corpus counts.",
        of_quotes=True,
        shown="further",
    ),
    Metric(
        "answer_recall",
        "answer recall",
        "share",
        "The share of responses that contain a gold answer, as whole words in any case and without"
        " punctuation and articles. The mean is over the prompts that have answers.",
        better="higher",
        average="scored",
        needs="answers",
        shown="headline",
    ),
    Metric(
        "answer_f1",
        "answer F1",
        "share",
        "The F-measure of the words of a response and of the gold answer that fits best, as in"
        " SQuAD. It is low for a response that is much longer than the answer.",
        better="higher",
        average="scored",
        needs="answers",
    ),
    Metric(
        "rouge_l",
        "ROUGE-L",
        "share",
        "The similarity of a response to the prompt's reference: the F-measure of their longest"
        " common subsequence of words (runs of a-z and 0-9, lower-cased). The mean is over the"
        " prompts that have a reference.",
        better="higher",
        average="scored",
        needs="reference",
        shown="headline",
    ),
    Metric(
        "bart_score",
        "BARTScore",
        "number",
        "The mean log-probability per token of the reference, given the response, under a BART"
        " model.",
        better="higher",
        average="scored",
        needs="reference",
        measured="on demand",
    ),
    Metric(
        "perplexity",
        "perplexity",
        "number",
        "The perplexity of a response under the scoring model: how much it surprises the model.",
        better="lower",
        average="scored",
        measured="on demand",
        shown="headline",
    ),
    Metric(
        "kl_to_base",
        "KL to the base model",
        "number",
        "The distance of the policy from the base model: the mean of log(p / p_base) over the"
        " policy's own tokens, in nats.",
        measured="drift",
        shown="curve",
    ),
    Metric(
        "perplexity_outside",
        "perplexity of other text",
        "number",
        "The policy's perplexity of text outside the corpus, which shows what the training has"
        " damaged.",
        better="lower",
        measured="drift",
        shown="headline",
    ),
    Metric(
        "mauve",
        "MAUVE",
        "number",
        "The similarity of all responses together to all references together, from 0 to 1.",
        better="higher",
        needs="reference",
        measured="on demand",
    ),
    Metric(
        "distinct_1",
        "distinct-1",
        "share",
        "The number of different words over that of all words, in all responses together. It is"
        " lower for longer responses.",
        shown="further",
    ),
    Metric(
        "distinct_2",
        "distinct-2",
        "share",
        "The number of different pairs of adjacent words over that of all words, in all responses"
        " together.",
        shown="further",
    ),
    Metric(
        "length_tokens",
        "tokens",
        "number",
        "The length of a response in tokens, without the end-of-text token.",
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
        "The share of a response's word 4-grams that occur earlier in it.",
        better="lower",
        average="all",
        shown="curve",
    ),
    Metric(
        "cut",
        "cut",
        "share",
        "The share of responses that reached `max_tokens` and were cut.",
        better="lower",
        average="scored",
    ),
)
_BY_KEY = {metric.key: metric for metric in METRICS}
# Every evaluation has the keys of EVALUATED in its metrics.json, though some may be null.
EVALUATED = tuple(metric.key for metric in METRICS if metric.measured != "drift")
ON_DEMAND = tuple(metric.key for metric in METRICS if metric.measured == "on demand")
OF_DRIFT = tuple(metric.key for metric in METRICS if metric.measured == "drift")
AVERAGED = tuple(metric for metric in METRICS if metric.average is not None)


def metric_named(key: str) -> Metric:
    """Return a metric. A key that is not in the table becomes a metric with the key as its label.

    Example:
        >>> metric_named("a_new_one").label
        'a new one'
    """
    return _BY_KEY.get(key) or Metric(key, key.replace("_", " "), "number", "")


def metrics_of(rows: Iterable[Mapping[str, Any]]) -> list[Metric]:
    """List the metrics that have a number in any row, those of the table first.

    Example:
        >>> [metric.key for metric in metrics_of([{"x": 1.0, "quip": None}, {"quip": 0.5}])]
        ['quip', 'x']
    """
    keys = dict.fromkeys(
        key for row in rows for key, value in row.items() if isinstance(value, int | float)
    )
    known = [metric for metric in METRICS if metric.key in keys]
    return known + [metric_named(key) for key in keys if key not in _BY_KEY]
