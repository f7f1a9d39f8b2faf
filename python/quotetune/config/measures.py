"""The keys of a config's `evaluation:` block for measures other than QUIP."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveInt,
    Tag,
)

from quotetune.config.block import Block, ModelConfig


def _kind(value: Any) -> str:
    return "[base]" if isinstance(value, str) else "[model]"


# The tags choose the type that a wrong value is reported for. Messages leave tags in brackets out.
PerplexityModel = Annotated[
    Annotated[ModelConfig, Tag("[model]")] | Annotated[Literal["base"], Tag("[base]")],
    Discriminator(_kind),
]


class MauveConfig(Block):
    """MAUVE (Pillutla et al. 2021), computed by the package mauve-text."""

    featurizer: str = Field(default="gpt2-large", min_length=1)
    """Directory or name on the Hub of the model whose last hidden state represents a text. The
    paper uses gpt2-large. Numbers of different models cannot be compared."""

    max_tokens: PositiveInt = 256
    """Tokens after which a text is cut."""


class LmEvalConfig(Block):
    """Benchmarks of general ability, before and after training, run by the package lm-eval."""

    tasks: list[str] = Field(min_length=1)
    """Names of tasks or groups of lm-eval, such as `truthfulqa_mc1`."""

    limit: PositiveInt | None = None
    """Number of examples per task, taken from its start; `null` takes all."""

    num_fewshot: NonNegativeInt | None = None
    """Number of examples before each question; `null` takes the task's own number."""

    batch_size: PositiveInt = 8
    """Sequences per batch."""

    apply_chat_template: bool = False
    """Whether questions go through the model's chat template."""

    include_path: Path | None = None
    """Directory with your own task files."""
