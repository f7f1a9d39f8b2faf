"""The evaluation's metrics stage: a policy's samples on the held-out prompts to numbers."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quotetune.prompts import Prompt


def evaluate_samples(
    prompts: Sequence[Prompt], samples: Path, index: Path, *, n: int | None, best_of_n: int | None
) -> dict[str, Any]:
    """Compute the metrics of a policy.

    Args:
        prompts: The prompts.
        samples: Directory of sample parts.
        index: The index of the corpus.
        n: The first so many samples a prompt are the policy's responses; None takes all.
        best_of_n: The response of highest QUIP among the first so many is evaluated, too; None
            leaves that out.

    Returns:
        `prompts` (how many), `metrics`, and `best_of_n` (metrics, or None).
    """
    import pyarrow.compute as pc

    from quotetune.evaluation import best_of_n as best_responses
    from quotetune.evaluation import evaluate_responses
    from quotetune.index import Index
    from quotetune.sampling.parts import read_samples

    opened = Index.open(index)
    drawn = read_samples(samples)

    def first(count: int | None) -> Any:
        return drawn if count is None else drawn.filter(pc.less(drawn["sample"], count))

    best = None
    if best_of_n is not None:
        best = asdict(evaluate_responses(prompts, best_responses(first(best_of_n), opened), opened))
    return {
        "prompts": len(prompts),
        "metrics": asdict(evaluate_responses(prompts, first(n), opened)),
        "best_of_n": best,
    }
