"""The distance of a policy from the base model, and its cost on other text.

The KL divergence to the base model is estimated on responses that are drawn from the policy. Per
token, KL(pi || pi_base) is the sum over tokens of (log pi - log pi_base), divided by the number of
tokens. This is the expectation over y ~ pi of the log-ratio, which Ouyang et al. 2022, section 3.4,
penalise. If both models are nearly the same, the estimate may be below 0 by chance. It is biased if
the temperature is not 1, or if tokens are drawn from a nucleus.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.measures.neural import IN_ONE_CHILD, Places, Policy, log_prob_job, run_jobs
from quotetune.prompts.general_text import read_general_texts

_CHUNK_TOKENS = 512


def measure_drift(
    samples: Path | None,
    *,
    base: Policy,
    model: ModelConfig,
    adapter: Path | None,
    outside: Path | None,
    max_tokens: int,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> dict[str, Any]:
    """Measure a policy.

    Args:
        samples: The policy's responses to the held-out prompts; None for the base model itself,
            whose KL is 0.
        base: The base model, and its adapter if the run starts with one.
        model: The model below the policy's adapter.
        adapter: The policy's adapter or whole model; None for a base model without adapter.
        outside: Text outside the corpus; None leaves its perplexity out.
        max_tokens: Number of tokens of it that are used at most, from the start.
        work: Directory for the jobs and the log.
        places: As for `neural.run_jobs`.

    Returns:
        `kl_to_base` in nats per token; `response_tokens`; `perplexity_outside`, the policy's
        perplexity of the text outside, or None; `outside_tokens`.
    """
    jobs = []
    tokens = outside_tokens = 0
    if samples is not None:
        prompts, responses = _sampled(samples)
        tokens = sum(map(len, responses))
        jobs.append(log_prob_job(prompts, responses, [base, (model, adapter)]))
    if outside is not None:
        contexts, chunks = _chunks(read_general_texts(outside), base[0], max_tokens)
        outside_tokens = sum(map(len, chunks))
        jobs.append(log_prob_job(contexts, chunks, [(model, adapter)]))
    results = run_jobs(jobs, work, places) if jobs else []
    kl, perplexity = 0.0, None
    if samples is not None:
        of_base, of_policy = results[0]
        kl = kl_to_base(of_policy, of_base, tokens)
    if outside is not None:
        perplexity = math.exp(-sum(results[-1][0]) / outside_tokens)
    return {
        "kl_to_base": kl,
        "response_tokens": tokens,
        "perplexity_outside": perplexity,
        "outside_tokens": outside_tokens,
    }


def kl_to_base(of_policy: Sequence[float], of_base: Sequence[float], tokens: int) -> float:
    """Estimate KL(pi || pi_base) per token from responses drawn from pi.

    Args:
        of_policy: log pi(y | x) of each response, natural logarithm.
        of_base: log pi_base(y | x) of each response.
        tokens: Number of tokens of all responses.

    Example:
        >>> kl_to_base([-2.0, -3.0], [-3.0, -5.0], tokens=6)
        0.5
    """
    difference = math.fsum(of_policy) - math.fsum(of_base)
    return difference / tokens if tokens else 0.0


def _sampled(samples: Path) -> tuple[list[list[int]], list[list[int]]]:
    from quotetune.sampling.parts import read_samples

    table = read_samples(samples).select(["prompt_token_ids", "token_ids"])
    rows = [row for row in table.to_pylist() if row["token_ids"]]
    return [row["prompt_token_ids"] for row in rows], [row["token_ids"] for row in rows]


def _chunks(
    texts: Sequence[str], model: ModelConfig, max_tokens: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Cut texts into pieces, and each piece into its first token and the tokens to predict."""
    from quotetune.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(model)
    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    contexts, chunks = [], []
    left = max_tokens
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        for start in range(0, len(ids), _CHUNK_TOKENS):
            piece = [*begin, *ids[start : start + _CHUNK_TOKENS]][: left + 1]
            if len(piece) > 1:
                contexts.append(piece[:1])
                chunks.append(piece[1:])
                left -= len(piece) - 1
    return contexts, chunks
