"""The base class of a config's blocks, and `model:`, which several blocks contain."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Block(BaseModel):
    """A block of a config. It refuses unknown keys, and does not change after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ModelConfig(Block):
    """A model and how it is loaded."""

    path: str = Field(min_length=1)
    """Directory with `config.json`, safetensors and a tokenizer, or a name on the Hub."""

    revision: str | None = None
    """Branch, tag or commit of a model on the Hub; `null` takes the default branch."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of weights and arithmetic; `auto` takes the type in which the weights are stored.
    Weights that are trained are float32, and are stored so."""

    trust_remote_code: bool = False
    """Whether to run Python code from the model's directory. Set it only if you trust the model's
    authors."""
