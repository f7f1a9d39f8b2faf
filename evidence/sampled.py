"""Samples of the evidence, drawn by the config of a run with some keys of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from quotetune.config import Config, SamplingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.parts import read_samples
from quotetune.sampling.run import Progress
from quotetune.stages.evaluation import EVALUATION_ROUND
from quotetune.stages.sampling import guide_source


def sampled(
    config: Config,
    prompts: Sequence[Prompt],
    place: Path,
    changes: Mapping[str, Any],
    *,
    adapter: Path | None,
    round: int = EVALUATION_ROUND,
    index: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Any:
    """Draw responses to prompts in one part, unless it is there, and return all samples.

    Args:
        config: The config of the run.
        prompts: The prompts.
        place: The directory of the samples.
        changes: Changes to the config's `sampling:` block.
        adapter: The policy's adapter; None for the base model.
        round: The round in the seeds.
        index: The index of the guide; None for that of the config.
        progress: Called now and then.
    """
    own = {"chunk_prompts": len(prompts), **changes}
    sampling = SamplingConfig.model_validate(config.sampling.model_dump() | own)
    guide = sampling.guide
    run_sampling(
        prompts,
        place,
        model=config.model,
        sampling=sampling,
        adapter=adapter,
        seed=config.seed,
        round=round,
        guide=None if guide is None else guide_source(guide, index or config.index, prompts),
        progress=progress,
    )
    return read_samples(place)
