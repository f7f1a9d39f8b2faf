"""The measures of the evaluation that need a language model, all computed together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import EvaluationConfig, ModelConfig
from quotetune.config.measures import MauveConfig
from quotetune.measures.neural import (
    IN_ONE_CHILD,
    Places,
    bart_score_job,
    mauve_job,
    perplexity_job,
    run_jobs,
)

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt

# A set of responses: the prompt of each, and its numbers.
_Set = Sequence[tuple["Prompt", dict[str, Any]]]


@dataclass(frozen=True)
class ScoringModels:
    """The models that measure responses.

    Attributes:
        perplexity: A causal language model; None leaves perplexity out.
        bart_score: An encoder-decoder model; None leaves BARTScore out.
        mauve: Settings of MAUVE; None leaves it out.
        places: Where they measure, as for `neural.run_jobs`.
    """

    perplexity: ModelConfig | None = None
    bart_score: ModelConfig | None = None
    mauve: MauveConfig | None = None
    places: Places = field(default_factory=dict)


def scoring_models_of(
    evaluation: EvaluationConfig, base: ModelConfig | None, places: Places = IN_ONE_CHILD
) -> ScoringModels:
    """Return the models that a config names.

    Args:
        evaluation: The block.
        base: The run's own base model, for `perplexity: base`; otherwise it is not used.
        places: Where they measure, as for `neural.run_jobs`.
    """
    perplexity = base if evaluation.perplexity == "base" else evaluation.perplexity
    return ScoringModels(perplexity, evaluation.bart_score, evaluation.mauve, places)


def score_with_models(
    tables: Sequence[_Set], models: ScoringModels, work: Path
) -> list[float | None]:
    """Add `perplexity` and `bart_score` to responses; None if `models` does not have them.

    A response is scored given the words of its prompt.

    Args:
        tables: One or more sets of responses: for each response its prompt, and a dict with
            `response`, which gets the numbers.
        models: The models.
        work: Directory for the child's log.

    Returns:
        The MAUVE of each set against the references of its prompts; None if `models` does not have
        it, or a prompt has no reference.
    """
    everything = [pair for table in tables for pair in table]
    for _, row in everything:
        row |= {"perplexity": None, "bart_score": None}
    referenced = [pair for pair in everything if pair[0].reference]
    jobs: list[dict[str, Any]] = []
    targets: list[tuple[str, _Set]] = []
    if models.perplexity is not None:
        contexts = [prompt_words(prompt) for prompt, _ in everything]
        jobs.append(perplexity_job(_responses(everything), models.perplexity, contexts))
        targets.append(("perplexity", everything))
    if models.bart_score is not None and referenced:
        jobs.append(
            bart_score_job(_responses(referenced), _references(referenced), models.bart_score)
        )
        targets.append(("bart_score", referenced))
    compared = []
    if models.mauve is not None:
        compared = [table for table in tables if all(prompt.reference for prompt, _ in table)]
        jobs += [
            mauve_job(_responses(table), _references(table), models.mauve) for table in compared
        ]
    results = run_jobs(jobs, work, models.places) if jobs else []
    for (name, measured), values in zip(targets, results, strict=False):
        for (_, row), value in zip(measured, values, strict=True):
            row[name] = value
    mauves = dict(zip(map(id, compared), results[len(targets) :], strict=True))
    return [mauves.get(id(table)) for table in tables]


def prompt_words(prompt: "Prompt") -> str:
    """Return the words before a response: a text as it is, or a chat without its markup.

    A scoring model may not know the chat template of the model that generated the response.
    """
    if prompt.messages is None:
        return prompt.text or ""
    return "".join(f"{message['content']}\n\n" for message in prompt.messages)


def _responses(table: _Set) -> list[str]:
    return [row["response"] for _, row in table]


def _references(table: _Set) -> list[str]:
    return [prompt.reference or "" for prompt, _ in table]
