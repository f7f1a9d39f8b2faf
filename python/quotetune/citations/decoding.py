"""Held-out responses, continued by ids that the corpus has and by nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.citations.form import AFTER, BEFORE
from quotetune.citations.ids import citable_ids
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.sampling import Progress, run_sampling
from quotetune.sampling.backend import Continuation
from quotetune.sampling.constraint import MOST_CHARACTERS, MOST_CHOICES, Constraint
from quotetune.sampling.parts import read_samples, token_length

if TYPE_CHECKING:
    from quotetune.corpus.index import Index


def continuation_id(row: Mapping[str, Any]) -> str:
    """Name the continuation of a sample.

    Args:
        row: The sample's row.

    Example:
        >>> continuation_id({"prompt_id": "p7", "sample": 0})
        'p7:0'
    """
    return f"{row['prompt_id']}:{row['sample']}"


def decode_citations(
    samples: Path,
    output: Path,
    *,
    index: "Index",
    most: int,
    model: ModelConfig,
    adapter: Path | None,
    sampling: SamplingConfig,
    progress: Callable[[Progress], None],
    notice: Callable[[str], None],
) -> None:
    """Decode the most probable ids behind responses, greedily, under the constraint.

    Args:
        samples: Directory of the parts of the responses, without ids.
        output: Directory that gets the parts of what was decoded, a row for each of the first `n`
            samples of a prompt, in their order; none where the corpus has too many ids.
        index: The index of the corpus.
        most: At most so many ids a response.
        model: The model.
        adapter: What training wrote; None for the base model.
        sampling: How the responses were drawn: its `n`, `chunk_prompts`, `backend` and `engine`.
        progress: Told how far it has come.
        notice: Told why nothing was decoded.
    """
    output.mkdir(parents=True, exist_ok=True)
    ids = citable_ids(index)
    if len(ids) > MOST_CHOICES or sum(map(len, ids)) > MOST_CHARACTERS:
        notice(
            f"no constrained ids: the corpus has {len(ids):,}, and no more than {MOST_CHOICES:,} of"
            f" {MOST_CHARACTERS:,} characters in all can be a constraint"
        )
        return
    constraint = Constraint(BEFORE, ids, AFTER, most)
    rows = [row for row in read_samples(samples).to_pylist() if row["sample"] < sampling.n]
    begun = [
        Continuation(
            continuation_id(row),
            [*row["prompt_token_ids"], *row["token_ids"][: token_length(row)]],
        )
        for row in rows
    ]
    greedy = SamplingConfig(
        backend=sampling.backend,
        n=1,
        temperature=0,
        top_p=1,
        max_tokens=constraint.max_tokens,
        chunk_prompts=sampling.chunk_prompts,
        engine=sampling.engine,
    )
    run_sampling(
        begun,
        output,
        model=model,
        sampling=greedy,
        adapter=adapter,
        seed=0,
        round=0,
        constraint=constraint,
        progress=progress,
    )
