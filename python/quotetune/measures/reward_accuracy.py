"""Held-out reward accuracy: how many unseen preference pairs the tuned model gets right."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from quotetune.candidates import CandidateFiles
from quotetune.config import PairsConfig
from quotetune.errors import QuotetuneError
from quotetune.neural_measures import log_prob_job, run_jobs
from quotetune.pairing import pair_samples
from quotetune.sampling.settings import ModelConfig
from quotetune.scoring import score_samples

Policy = tuple[ModelConfig, Path | None]


def measure_reward_accuracy(
    samples: Path,
    index: Path,
    result: Path,
    *,
    pairs: PairsConfig,
    seed: int,
    policy: Policy,
    reference: Policy,
    beta: float,
    work: Path,
) -> None:
    """Make pairs of held-out samples by the run's rule, and let the policy judge them.

    A pair is right if the chosen side has the higher implicit reward, that is, if
    beta * (log pi(y) - log pi_ref(y)) is greater for it (Rafailov et al. 2023, section 4;
    Zhang et al. 2025, section 5, report 86.3%).

    Args:
        samples: Directory of sample parts of the held-out prompts, two or more a prompt.
        index: The index of the corpus.
        result: Directory that gets `pairs/` and `reward_accuracy.json`.
        pairs: The run's pair rule.
        seed: The run's seed.
        policy: The tuned model: what its adapter lies on, and what training wrote.
        reference: What it was held close to.
        beta: DPO's beta; it scales the margin only.
        work: Directory for the child's log.
    """
    result.mkdir(exist_ok=True)
    score_samples(samples, index, result / "scores", lambda *_: None)
    scores = result / "scores" / "scores.parquet"
    rows = []
    # That no prompt gives a pair is a finding here, and no failure.
    with suppress(QuotetuneError):
        pair_samples(CandidateFiles(samples, scores), result / "pairs", pairs, seed=seed)
        rows = _read(result / "pairs" / "pairs.parquet")
    margins = reward_margins(rows, policy, reference, beta, work)
    content = {
        "pairs": len(margins),
        "accuracy": sum(margin > 0 for margin in margins) / len(margins) if margins else None,
        "margin": sum(margins) / len(margins) if margins else None,
    }
    text = json.dumps(content, indent=2) + "\n"
    (result / "reward_accuracy.json").write_text(text, encoding="utf-8")


def reward_margins(
    pairs: Sequence[dict[str, Any]], policy: Policy, reference: Policy, beta: float, work: Path
) -> list[float]:
    """Return by how much the chosen side's implicit reward exceeds the rejected one's.

    Args:
        pairs: Rows of `pairs.parquet`.
        policy: The tuned model.
        reference: What it was held close to.
        beta: DPO's beta.
        work: Directory for the child's log.
    """
    if not pairs:
        return []
    prompts = [pair["prompt_token_ids"] for pair in pairs]
    sides = [pair[f"{side}_token_ids"] for side in ("chosen", "rejected") for pair in pairs]
    job = log_prob_job([*prompts, *prompts], sides, policy[0], [policy[1]])
    job["policies"] += log_prob_job([], [], reference[0], [reference[1]])["policies"]
    [(of_policy, of_reference)] = run_jobs([job], work)
    rewards = [beta * (ours - theirs) for ours, theirs in zip(of_policy, of_reference, strict=True)]
    chosen, rejected = rewards[: len(pairs)], rewards[len(pairs) :]
    return [above - below for above, below in zip(chosen, rejected, strict=True)]


def _read(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
