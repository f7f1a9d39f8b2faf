"""Measures that language models take of responses: which are wanted, and what they are asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import EvaluationConfig, ModelConfig
from quotetune.config.measures import MauveConfig
from quotetune.measures.neural import bart_score_job, mauve_job, perplexity_job, run_jobs

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt

_Table = Sequence[tuple["Prompt", dict[str, Any]]]


@dataclass(frozen=True)
class ScoringModels:
    """The models that measure responses.

    Attributes:
        perplexity: A causal language model; None leaves perplexity out.
        bart_score: An encoder-decoder model; None leaves BARTScore out.
        mauve: Settings of MAUVE; None leaves it out.
    """

    perplexity: ModelConfig | None = None
    bart_score: ModelConfig | None = None
    mauve: MauveConfig | None = None


def scoring_models_of(evaluation: EvaluationConfig, base: ModelConfig | None) -> ScoringModels:
    """Return the models that a config asks for.

    Args:
        evaluation: The block.
        base: The run's own base model, for `perplexity: base`; else it is not looked at.
    """
    perplexity = base if evaluation.perplexity == "base" else evaluation.perplexity
    return ScoringModels(perplexity, evaluation.bart_score, evaluation.mauve)


def score_with_models(
    tables: Sequence[_Table], models: ScoringModels, work: Path
) -> list[float | None]:
    """Put `perplexity` and `bart_score` into the rows of responses; None if they are not wanted.

    A response is scored given the words of its prompt. One child process does everything.

    Args:
        tables: One or more sets of responses, each a prompt and a row with `response`.
        models: What is wanted.
        work: Directory for the child's log.

    Returns:
        MAUVE of each set against the references of its prompts; None if it is not wanted, or a
        prompt has no reference.
    """
    everything = [pair for table in tables for pair in table]
    for _, row in everything:
        row |= {"perplexity": None, "bart_score": None}
    referenced = [pair for pair in everything if pair[0].reference]
    jobs: list[dict[str, Any]] = []
    targets: list[tuple[str, _Table]] = []
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
    results = run_jobs(jobs, work) if jobs else []
    for (name, measured), values in zip(targets, results, strict=False):
        for (_, row), value in zip(measured, values, strict=True):
            row[name] = value
    mauves = dict(zip(map(id, compared), results[len(targets) :], strict=True))
    return [mauves.get(id(table)) for table in tables]


def prompt_words(prompt: "Prompt") -> str:
    """Return what stands before a response: a text as it is, a chat without its markup.

    A scoring model need not know the template of the model that gave the response.
    """
    if prompt.messages is None:
        return prompt.text or ""
    return "".join(f"{message['content']}\n\n" for message in prompt.messages)


def _responses(table: _Table) -> list[str]:
    return [row["response"] for _, row in table]


def _references(table: _Table) -> list[str]:
    return [prompt.reference or "" for prompt, _ in table]
