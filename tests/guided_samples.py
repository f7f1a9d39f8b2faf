"""Samples of a tiny model under a guide, for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.guided import GuideSource
from quotetune.sampling.parts import read_samples


def guided_samples(
    prompts: Sequence[Prompt],
    model: Path,
    output: Path,
    source: GuideSource | None,
    **settings: Any,
) -> Any:
    """Sample prompts with `settings`, keys of `SamplingConfig`, and return the table."""
    run_sampling(
        prompts,
        output,
        model=ModelConfig(path=str(model), dtype="float32"),
        sampling=SamplingConfig(**{"top_p": 1.0} | settings),
        seed=5,
        round=1,
        guide=source,
    )
    return read_samples(output)
