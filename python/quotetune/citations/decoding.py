"""Continue held-out responses with ids of the corpus and nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.citations.form import AFTER, BEFORE
from quotetune.citations.ids import citable_ids
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.sampling import Progress, run_sampling
from quotetune.sampling.backend import Continuation
from quotetune.sampling.constraint import MOST_CHARACTERS, MOST_CHOICES, Constraint
from quotetune.sampling.parts import has_answer, read_samples, response_tokens

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
    """Decode the most probable ids after responses, greedily, under the constraint.

    Args:
        samples: Directory of the parts of the responses, without ids.
        output: Directory that gets the decoded parts, with a row for each of the first `n` samples
            of a prompt that has an answer, in their order; it stays empty if the corpus has too
            many ids.
        index: The index of the corpus.
        most: The largest number of ids per response.
        model: The model.
        adapter: The directory that training wrote; None for the base model.
        sampling: The settings that drew the responses, of which `n`, `chunk_prompts`, `backend`,
            `engine` and the keys that say where count.
        progress: Gets the progress.
        notice: Gets the reason if nothing is decoded.
    """
    output.mkdir(parents=True, exist_ok=True)
    ids = citable_ids(index)
    if len(ids) > MOST_CHOICES or sum(map(len, ids)) > MOST_CHARACTERS:
        notice(
            f"no constrained ids: the corpus has {len(ids):,} ids, and a constraint has at most"
            f" {MOST_CHOICES:,} of {MOST_CHARACTERS:,} characters in all"
        )
        return
    constraint = Constraint(BEFORE, ids, AFTER, most)
    continuations = [
        Continuation(
            continuation_id(row),
            [*row["prompt_token_ids"], *response_tokens(row)],
        )
        for row in read_samples(samples).to_pylist()
        if row["sample"] < sampling.n and has_answer(row)
    ]
    greedy = SamplingConfig(
        backend=sampling.backend,
        n=1,
        temperature=0,
        top_p=1,
        max_tokens=constraint.max_tokens,
        chunk_prompts=sampling.chunk_prompts,
        engine=sampling.engine,
        **sampling.places,
    )
    run_sampling(
        continuations,
        output,
        model=model,
        sampling=greedy,
        adapter=adapter,
        seed=0,
        round=0,
        constraint=constraint,
        progress=progress,
    )
