"""Measures that need a language model: perplexity, BARTScore, log-probabilities, MAUVE.

They run in child processes, `quotetune.measures.neural_worker`, which free all memory when they
end. Each function `*_job` describes a job, and `run_jobs` does several jobs, in one child or with
replicas.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.config.measures import MauveConfig
from quotetune.measures.job_parts import ROWS_OF_PART, Job, JobResults
from quotetune.models.files import require_model, split_policy
from quotetune.runtime.child import run_child
from quotetune.runtime.hand_out import Work, hand_out
from quotetune.sampling.places import is_one_child, replicas_of
from quotetune.sampling.replicas import Child

LOG_NAME = "measuring.log"
_MODULE, _NAME = "quotetune.measures.neural_worker", "measuring"
# A base model, and the LoRA adapter or whole model that training wrote; None is the base model.
Policy = tuple[ModelConfig, Path | None]
# Where to work; see `SamplingConfig.places`.
Places = Mapping[str, Any]
IN_ONE_CHILD: Places = MappingProxyType({})


def perplexities(
    texts: Sequence[str],
    model: ModelConfig,
    *,
    contexts: Sequence[str] | None = None,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> list[float | None]:
    """Compute the perplexity of each text under a causal language model.

    PPL(x | c) = exp(-1/|x| * sum_t log p(x_t | c, x_<t)) over the tokens of x (Jelinek et al. 1977;
    Zhang et al. 2025 report it given the prompt c). Context and text are tokenised separately, so
    that the tokens of a text do not depend on its context. The model's begin-of-sequence token
    comes first, if it has one. Otherwise the first token of a text without a context has nothing
    before it and does not count. A sequence that exceeds the model's context length loses the start
    of the context, and then the end of the text.

    Args:
        texts: The texts.
        model: The scoring model. With `dtype: auto` it computes in bf16 only where that is fast.
        contexts: The context before each text. The model sees its tokens, but they do not count.
        work: Directory for the jobs and the log; created if missing.
        places: As for `run_jobs`.

    Returns:
        A perplexity per text, 1 or more; None for a text without a token to predict.

    Raises:
        UsageError: The model does not exist.
        QuotetuneError: The child process failed; the message has the last lines of its output.
    """
    result: list[float | None]
    [result] = run_jobs([perplexity_job(texts, model, contexts)], work, places)
    return result


def log_likelihoods(
    texts: Sequence[str],
    model: ModelConfig,
    *,
    contexts: Sequence[str],
    spans: Sequence[Sequence[tuple[int, int]]],
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> list[float | None]:
    """Compute the mean log-probability of the tokens of parts of each text, given its context.

    The model sees the context and the whole text, and only the tokens that overlap with a part
    count. Everything else is as for `perplexities`: over the whole of a text, the perplexity is exp
    of minus this number.

    Args:
        texts: The texts.
        model: The scoring model.
        contexts: The context before each text.
        spans: The parts of each text, as the first character and the one after the last.
        work: Directory for the jobs and the log; created if missing.
        places: As for `run_jobs`.

    Returns:
        Nats per token, 0 or less; None if no token overlaps with a part.

    Raises:
        UsageError: The model does not exist.
        QuotetuneError: The child process failed; the message has the last lines of its output.
    """
    require_model(model)
    job: Job = {
        "measure": "log_likelihood",
        "model": model.model_dump(),
        "texts": list(texts),
        "contexts": list(contexts),
        "spans": [list(parts) for parts in spans],
    }
    result: list[float | None]
    [result] = run_jobs([job], work, places)
    return result


def bart_scores(
    responses: Sequence[str],
    references: Sequence[str],
    model: ModelConfig,
    *,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> list[float | None]:
    """Compute the BARTScore of each response: the probability of its reference, given the response.

    BARTScore(x, y) = 1/|y| * sum_t log p(y_t | y_<t, x) with x the response and y the reference
    (Yuan et al. 2021, section 3). This is the direction "recall", as in Quote-Tuning's released
    code. All tokens of y count, including special ones, as in the paper's released code. Both texts
    are cut to the model's context length.

    Args:
        responses: The responses.
        references: The reference of each response.
        model: An encoder-decoder model, such as a BART trained on summaries or paraphrases.
        work: Directory for the jobs and the log; created if missing.
        places: As for `run_jobs`.

    Returns:
        A score per response, 0 or less, higher is better; None if the reference is empty.

    Raises:
        UsageError: The model does not exist.
        QuotetuneError: The child process failed; the message has the last lines of its output.
    """
    result: list[float | None]
    [result] = run_jobs([bart_score_job(responses, references, model)], work, places)
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
    """Describe a computation of the log-probabilities of responses under one or more policies.

    The result has, for each policy, a log-probability per response, natural logarithm:
    log pi(y | x) = sum_t log pi(y_t | x, y_<t), over the tokens as they were sampled.

    Args:
        prompts: Token ids of the prompt of each response, at least one.
        responses: Token ids of each response.
        policies: The policies. Adjacent policies with the same model share it, so that it is loaded
            once.

    Raises:
        UsageError: A model or policy does not exist.
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
    """Describe a computation of MAUVE, a number from 0 to 1; None if a side has no text.

    MAUVE is the area under the divergence curve of two sets of texts. Each set is a histogram over
    clusters of the hidden states of the last tokens of its texts (Pillutla et al. 2021, section 2).
    The package mauve-text computes it from these states. Empty texts are left out.

    Args:
        texts: The responses.
        references: The references.
        settings: The featurizer.

    Raises:
        UsageError: The featurizer does not exist.
    """
    require_model(ModelConfig(path=settings.featurizer))
    return {
        "measure": "mauve",
        "texts": list(texts),
        "references": list(references),
        **settings.model_dump(),
    }


def run_jobs(jobs: Sequence[Job], work: Path, places: Places = IN_ONE_CHILD) -> list[Any]:
    """Do jobs in order, in one child process or with replicas.

    Args:
        jobs: Jobs from the functions `*_job`.
        work: Directory for the jobs and the logs; created if missing.
        places: Where to work (`SamplingConfig.places`). A replica gets one GPU.

    Returns:
        The result of each job.

    Raises:
        UsageError: As for `ray_replicas.joined`.
        QuotetuneError: The child process failed, or with replicas, a part three times; the message
            has the last lines of its output.
    """
    work.mkdir(parents=True, exist_ok=True)
    sampling = SamplingConfig(backend="transformers", **places)
    alone = is_one_child(sampling)
    results = JobResults(jobs, rows_of_part=None if alone else ROWS_OF_PART)
    path, parts = work / "jobs.json", results.parts
    content = {"jobs": list(jobs), "parts": parts}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    child = Child(_MODULE, path, work / LOG_NAME, _NAME)
    if alone:
        run_child(child.module, path, child.log, results.heard, name=child.name)
    else:
        with replicas_of(child, sampling, len(parts)) as (start, replicas):
            hand_out(
                Work(
                    child.name,
                    range(len(parts)),
                    start,
                    replicas,
                    made=lambda left: None,
                    report=lambda replica, event: results.heard(event),
                    note=child.note,
                )
            )
    path.unlink()
    return results.values()
