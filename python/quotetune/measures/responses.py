"""Metrics of responses: how much they quote, how good they are, and how long they are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from quotetune.errors import QuotetuneError
from quotetune.measures.answers import answer_f1, answer_recall
from quotetune.measures.criteria import repetition, rouge_l
from quotetune.metrics.table import AVERAGED
from quotetune.sampling.parts import answers, has_answer, token_length

if TYPE_CHECKING:
    from quotetune.corpus.results import QuipReport


class ScoringIndex(Protocol):
    """The part of `quotetune.Index` that the evaluation uses."""

    def quip(self, texts: list[str]) -> Any:
        """Return the QUIP of each text; NaN for a text that is too short."""

    def score(self, texts: list[str], max_documents: int) -> "list[QuipReport]":
        """Return a report on each text."""


class EvaluatedPrompt(Protocol):
    """The part of a prompt that the evaluation uses."""

    @property
    def id(self) -> str:
        """The prompt's id."""

    @property
    def reference(self) -> str | None:
        """The prompt's reference."""

    @property
    def answers(self) -> list[str] | None:
        """The prompt's gold answers."""


def response_rows(
    prompts: Sequence[EvaluatedPrompt], samples: Any, index: ScoringIndex
) -> list[dict[str, Any]]:
    """Measure each response.

    Args:
        prompts: The prompts, for their references and gold answers.
        samples: A `pyarrow.Table` with the columns `prompt_id`, `sample`, `response`, `token_ids`
            and `finish_reason`, one row per response, and where the answers of a model that thinks
            start. Tokens and reason are null for texts that no model generated.
        index: The index of the corpus.

    Returns:
        For each response `prompt_id`, `sample` and `response`, the numbers that metrics average,
        under the metrics' keys, and `numerator` and `denominator` of QUIP. `quip` is None for a
        response that is too short. `cut` is a bool. `length_tokens` and `cut` are None for texts
        that no model generated.

    Raises:
        QuotetuneError: There are no responses, or a response belongs to none of the prompts.
    """
    asked = {prompt.id: prompt for prompt in prompts}
    wanted = ["prompt_id", "sample", "response", "token_ids", "finish_reason"]
    rows = answers(samples, wanted)
    if not rows:
        raise QuotetuneError("there are no responses to evaluate: sample first")
    for row in rows:
        if row["prompt_id"] not in asked:
            raise QuotetuneError(
                f"the samples have responses to prompt {row['prompt_id']!r}, which is not among the"
                " prompts: evaluate with the prompts that were sampled"
            )
    reports = index.score([row["response"] for row in rows], max_documents=0)
    return [
        _measure(row, report, asked[row["prompt_id"]])
        for row, report in zip(rows, reports, strict=True)
    ]


def mean_metrics(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Average the numbers of the responses.

    Args:
        rows: The numbers of each response: those of `response_rows`, and any others that a metric
            averages.

    Returns:
        The means by key; None if no response has a number.

    Example:
        >>> row = {"quip": None, "numerator": 0, "denominator": 0, "rouge_l": None}
        >>> mean_metrics([row, row | {"quip": 0.5, "numerator": 2, "denominator": 4}])
        {'quip': 0.25, 'quip_micro': 0.5, 'rouge_l': None}
    """
    means: dict[str, float | None] = {}
    for metric in AVERAGED:
        read = "on_topic_quip" if metric.average == "of quip" else metric.key
        if metric.average == "pooled" or read in rows[0]:
            total, count = metric.terms(rows)
            means[metric.key] = total / count if count else None
    return means


def best_of_n(samples: Any, index: ScoringIndex) -> Any:
    """Select each prompt's response of highest QUIP.

    Args:
        samples: A `pyarrow.Table` with the columns `prompt_id`, `sample` and `response`.
        index: The index of the corpus.

    Returns:
        As `highest`.
    """
    texts = [row["response"] for row in answers(samples, ["response"])]
    return highest(samples, [None if np.isnan(score) else score for score in index.quip(texts)])


def highest(samples: Any, scores: Sequence[float | None]) -> Any:
    """Select each prompt's response of highest score.

    Args:
        samples: A `pyarrow.Table` with the columns `prompt_id` and `sample`.
        scores: The score of each row; None for a response that is too short to score, which ranks
            below all others.

    Returns:
        Those rows of the table, one per prompt, in the table's order. Among responses with the same
        score, the lowest sample number is selected.
    """
    ranks = [-1.0 if score is None else score for score in scores]
    prompt_ids = samples["prompt_id"].to_pylist()
    numbers = samples["sample"].to_pylist()
    best: dict[str, int] = {}
    for row, prompt_id in enumerate(prompt_ids):
        other = best.setdefault(prompt_id, row)
        if (ranks[row], -numbers[row]) > (ranks[other], -numbers[other]):
            best[prompt_id] = row
    return samples.take(sorted(best.values()))


def _measure(
    row: Mapping[str, Any], report: "QuipReport", prompt: EvaluatedPrompt
) -> dict[str, Any]:
    response, reference = row["response"], prompt.reference
    sampled = row["token_ids"] is not None
    covered = sum(end - start for start, end in report.covered)
    return {
        "prompt_id": row["prompt_id"],
        "sample": row["sample"],
        "response": response,
        "quip": report.quip_25_beta,
        "numerator": report.numerator,
        "denominator": report.denominator,
        "coverage": covered / len(response) if response else 0.0,
        "longest_quote": report.longest_quote,
        "answer_recall": answer_recall(response, prompt.answers),
        "answer_f1": answer_f1(response, prompt.answers),
        "rouge_l": None if reference is None else rouge_l(response, reference),
        "length_tokens": token_length(row) if sampled else None,
        "length_chars": len(response),
        "repetition": repetition(response),
        "cut": row["finish_reason"] == "length" or not has_answer(row) if sampled else None,
    }
