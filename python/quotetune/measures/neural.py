"""Measures that a language model takes: perplexity, BARTScore, log-probabilities of responses.

They run in a child process, `quotetune.measures.neural_worker`, which ends with them. Each `*_job`
function describes a job; `run_jobs` does several in one child, which saves the start of it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.config.measures import MauveConfig
from quotetune.models.files import require_model, split_policy
from quotetune.runtime.child import run_child

LOG_NAME = "measuring.log"
Job = dict[str, Any]
# A base model and what training wrote for it, a LoRA adapter or a whole model; None is the base
# model itself.
Policy = tuple[ModelConfig, Path | None]


def perplexities(
    texts: Sequence[str],
    model: ModelConfig,
    *,
    contexts: Sequence[str] | None = None,
    work: Path,
) -> list[float | None]:
    """Compute the perplexity of each text under a causal language model.

    PPL(x | c) = exp(-1/|x| * sum_t log p(x_t | c, x_<t)) over the tokens of x (Jelinek et al. 1977;
    given the prompt c as Zhang et al. 2025 report it). Context and text are tokenised apart, so the
    tokens of a text are the same whatever stands before it. In front of all stands the model's
    begin-of-sequence token, if it has one; else the first token of a text without a context is
    predicted from nothing and does not count. What exceeds the model's context length is left out:
    the begin of the context, then the end of the text.

    Args:
        texts: The texts.
        model: The scoring model. With `dtype: auto` it computes in bf16 only where that is fast.
        contexts: What stands before each text; its tokens are seen, but do not count.
        work: Directory for the jobs and the log; made if needed.

    Returns:
        A perplexity a text, 1 or more; None for one without a token to predict.

    Raises:
        UsageError: There is no such model.
        QuotetuneError: The child process failed; the message has its last words.
    """
    result: list[float | None]
    [result] = run_jobs([perplexity_job(texts, model, contexts)], work)
    return result


def bart_scores(
    responses: Sequence[str],
    references: Sequence[str],
    model: ModelConfig,
    *,
    work: Path,
) -> list[float | None]:
    """Compute the BARTScore of each response: how probable its reference is, given the response.

    BARTScore(x, y) = 1/|y| * sum_t log p(y_t | y_<t, x) with x the response and y the reference
    (Yuan et al. 2021, section 3; the direction of Quote-Tuning's released code, "recall"). All
    tokens of y count, special ones included, as in the paper's released code. Both are cut to the
    model's length.

    Args:
        responses: The responses.
        references: The reference of each.
        model: An encoder-decoder model, such as a BART trained on summaries or paraphrases.
        work: Directory for the jobs and the log; made if needed.

    Returns:
        A score a response, 0 or less, higher is better; None where the reference is empty.

    Raises:
        UsageError: There is no such model.
        QuotetuneError: The child process failed; the message has its last words.
    """
    result: list[float | None]
    [result] = run_jobs([bart_score_job(responses, references, model)], work)
    return result


def perplexity_job(
    texts: Sequence[str], model: ModelConfig, contexts: Sequence[str] | None = None
) -> Job:
    """Describe a call of `perplexities`."""
    require_model(model)
    return {
        "measure": "perplexity",
        "model": model.model_dump(),
        "texts": list(texts),
        "contexts": [""] * len(texts) if contexts is None else list(contexts),
    }


def bart_score_job(responses: Sequence[str], references: Sequence[str], model: ModelConfig) -> Job:
    """Describe a call of `bart_scores`."""
    require_model(model)
    return {
        "measure": "bart_score",
        "model": model.model_dump(),
        "responses": list(responses),
        "references": list(references),
    }


def log_prob_job(
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    policies: Sequence[Policy],
) -> Job:
    """Describe how probable responses are under one or more policies.

    The result is, for each policy, a log-probability a response, natural logarithm:
    log pi(y | x) = sum_t log pi(y_t | x, y_<t), over the tokens as they were sampled.

    Args:
        prompts: Token ids of the prompt of each response, at least one.
        responses: Token ids of each response.
        policies: The policies; those of one model should be neighbours, so that it is loaded once.

    Raises:
        UsageError: There is no such model or policy.
    """
    for model, _ in policies:
        require_model(model)
    split = [split_policy(model, trained) for model, trained in policies]
    return {
        "measure": "log_probs",
        "prompts": [list(ids) for ids in prompts],
        "responses": [list(ids) for ids in responses],
        "policies": [
            {"model": loaded.model_dump(), "adapter": None if adapter is None else str(adapter)}
            for loaded, adapter in split
        ],
    }


def mauve_job(texts: Sequence[str], references: Sequence[str], settings: MauveConfig) -> Job:
    """Describe a call of MAUVE, whose result is a number between 0 and 1, or None without a text.

    MAUVE is the area under the divergence curve of the two sets of texts, each a histogram over
    clusters of the hidden states of their last tokens (Pillutla et al. 2021, section 2); the
    package mauve-text computes it from these. Empty texts are left out.

    Args:
        texts: The responses.
        references: The texts they are compared with.
        settings: The featurizer.

    Raises:
        UsageError: There is no such featurizer.
    """
    require_model(ModelConfig(path=settings.featurizer))
    return {
        "measure": "mauve",
        "texts": list(texts),
        "references": list(references),
        **settings.model_dump(),
    }


def run_jobs(jobs: Sequence[Job], work: Path) -> list[Any]:
    """Do jobs one after the other, in one child process.

    Args:
        jobs: What the functions `*_job` return.
        work: Directory for the jobs and the log; made if needed.

    Returns:
        The result of each job.

    Raises:
        QuotetuneError: The child process failed; the message has its last words.
    """
    work.mkdir(parents=True, exist_ok=True)
    path = work / "jobs.json"
    path.write_text(json.dumps({"jobs": list(jobs)}, ensure_ascii=False), encoding="utf-8")
    results: list[Any] = []
    run_child(
        "quotetune.measures.neural_worker",
        path,
        work / LOG_NAME,
        lambda event: results.append(event["result"]),
        name="measuring",
    )
    path.unlink()
    return results
