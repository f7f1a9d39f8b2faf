"""Reward accuracy: the share of held-out preference pairs that the tuned model gets right."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quotetune.measures.neural import IN_ONE_CHILD, Places, Policy, log_prob_job, run_jobs


def measure_reward_accuracy(
    pairs: Path,
    *,
    policy: Policy,
    reference: Policy,
    beta: float,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> dict[str, float | None]:
    """Measure a policy's rewards on pairs that the run's own rule made from held-out samples.

    The policy gets a pair right if the chosen side has the higher implicit reward
    beta * (log pi(y) - log pi_ref(y)) (Rafailov et al. 2023, section 4). Zhang et al. 2025 report
    86.3%.

    Args:
        pairs: The `pairs.parquet` of the pairs. If it does not exist, no prompt gave a pair.
        policy: The tuned model.
        reference: The reference model of its training.
        beta: DPO's beta. It only scales the margin.
        work: Directory for the child's log.
        places: As for `neural.run_jobs`.

    Returns:
        `pairs`, their number; `accuracy`, the share that the policy gets right; and `margin`, the
        mean difference of the rewards. The last two are None without a pair.
    """
    rows = _read(pairs) if pairs.exists() else []
    margins = reward_margins(rows, policy, reference, beta, work, places)
    return {
        "pairs": len(margins),
        "accuracy": sum(margin > 0 for margin in margins) / len(margins) if margins else None,
        "margin": sum(margins) / len(margins) if margins else None,
    }


def reward_margins(
    pairs: Sequence[dict[str, Any]],
    policy: Policy,
    reference: Policy,
    beta: float,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> list[float]:
    """Return the chosen side's implicit reward minus that of the rejected side, for each pair.

    Args:
        pairs: Rows of `pairs.parquet`.
        policy: The tuned model.
        reference: The reference model of its training.
        beta: DPO's beta.
        work: Directory for the child's log.
        places: As for `neural.run_jobs`.
    """
    if not pairs:
        return []
    prompts = [pair["prompt_token_ids"] for pair in pairs]
    sides = [pair[f"{side}_token_ids"] for side in ("chosen", "rejected") for pair in pairs]
    job = log_prob_job([*prompts, *prompts], sides, [policy, reference])
    [(of_policy, of_reference)] = run_jobs([job], work, places)
    rewards = [beta * (ours - theirs) for ours, theirs in zip(of_policy, of_reference, strict=True)]
    chosen, rejected = rewards[: len(pairs)], rewards[len(pairs) :]
    return [above - below for above, below in zip(chosen, rejected, strict=True)]


def _read(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
