"""The keys of a config's `evaluation:` block that say what is measured beside QUIP."""

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


# The tags choose what a wrong value is held against; messages leave what is in brackets out.
PerplexityModel = Annotated[
    Annotated[ModelConfig, Tag("[model]")] | Annotated[Literal["base"], Tag("[base]")],
    Discriminator(_kind),
]


class MauveConfig(Block):
    """MAUVE (Pillutla et al. 2021), computed by the package mauve-text."""

    featurizer: str = Field(default="gpt2-large", min_length=1)
    """A model's directory, or its name on the Hub, whose last hidden state stands for a text. The
    paper's is gpt2-large; numbers of different models cannot be compared."""

    max_tokens: PositiveInt = 256
    """Tokens at which texts are cut."""


class LmEvalConfig(Block):
    """Benchmarks of general ability, before and after, computed by the package lm-eval."""

    tasks: list[str] = Field(min_length=1)
    """Names of lm-eval's tasks or groups, such as `truthfulqa_mc1`."""

    limit: PositiveInt | None = None
    """Examples a task, the first ones; `null` takes all."""

    num_fewshot: NonNegativeInt | None = None
    """Examples that are shown before each question; `null` takes the task's own number."""

    batch_size: PositiveInt = 8
    """Sequences that the model sees at a time."""

    apply_chat_template: bool = False
    """Whether questions go through the model's chat template."""

    include_path: Path | None = None
    """A directory with task files of your own."""
