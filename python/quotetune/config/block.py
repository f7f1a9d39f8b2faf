"""The base class of a config's blocks, and `model:`, which several blocks contain."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Block(BaseModel):
    """A block of a config: no key but those it knows, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ModelConfig(Block):
    """The base model, the same for sampling and for training."""

    path: str = Field(min_length=1)
    """A directory with `config.json`, safetensors and a tokenizer, or a name on the Hub."""

    revision: str | None = None
    """Branch, tag or commit of a model on the Hub; `null` takes its default branch."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights and of the arithmetic; `auto` takes the one the weights are stored in."""

    trust_remote_code: bool = False
    """Run Python code that lies beside the weights. Only for models whose authors you trust."""
