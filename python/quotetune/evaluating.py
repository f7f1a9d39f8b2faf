"""The evaluation's metrics stage: a policy's samples on the held-out prompts to numbers."""

from dataclasses import asdict
from pathlib import Path
from typing import Any


def evaluate_samples(
    prompts: Path, samples: Path, index: Path, *, n: int, best_of_n: int | None
) -> dict[str, Any]:
    """Compute the metrics of a policy.

    Args:
        prompts: The held-out prompts, as Parquet.
        samples: Directory of sample parts.
        index: The index of the corpus.
        n: The first so many samples a prompt are the policy's responses.
        best_of_n: The response of highest QUIP among the first so many is evaluated, too; None
            leaves that out.

    Returns:
        `prompts` (how many), `metrics`, and `best_of_n` (metrics, or None).
    """
    import pyarrow.compute as pc

    from quotetune.evaluation import best_of_n as best_responses
    from quotetune.evaluation import evaluate_responses
    from quotetune.index import Index
    from quotetune.prompts import load_prompts
    from quotetune.sampling.parts import read_samples

    opened = Index.open(index)
    loaded = load_prompts(prompts)
    drawn = read_samples(samples)

    def first(count: int) -> Any:
        return drawn.filter(pc.less(drawn["sample"], count))

    best = None
    if best_of_n is not None:
        best = asdict(evaluate_responses(loaded, best_responses(first(best_of_n), opened), opened))
    return {
        "prompts": len(loaded),
        "metrics": asdict(evaluate_responses(loaded, first(n), opened)),
        "best_of_n": best,
    }
