"""The keys of a config's `model:` and `sampling:` blocks."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator


class ModelConfig(BaseModel):
    """The base model, the same for sampling and for training."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    path: str = Field(min_length=1)
    """A directory with `config.json`, safetensors and a tokenizer, or a name on the Hub."""

    revision: str | None = None
    """Branch, tag or commit of a model on the Hub; `null` takes its default branch."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights and of the arithmetic; `auto` takes the one the weights are stored in."""

    trust_remote_code: bool = False
    """Run Python code that lies beside the weights. Only for models whose authors you trust."""


class SamplingConfig(BaseModel):
    """How responses are drawn. The defaults are those of Quote-Tuning's released settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    backend: Literal["auto", "vllm", "transformers"] = "auto"
    """What generates the text; `auto` takes vLLM where it is installed, else transformers."""

    n: PositiveInt = 32
    """Responses a prompt."""

    temperature: float = Field(default=1.0, ge=0.0)
    """Divides the logits; 0 is greedy decoding, which has one response a prompt."""

    top_p: float = Field(default=0.95, gt=0.0, le=1.0)
    """Draw from the smallest set of tokens that holds this much of the probability."""

    top_k: int = Field(default=0, ge=0)
    """Draw from this many most probable tokens only; 0 is all of them."""

    max_tokens: PositiveInt = 1024
    """Length at which a response is cut (its `finish_reason` is then `length`)."""

    stop: list[str] = []
    """Strings that end a response; they are not part of it."""

    chunk_prompts: PositiveInt = 64
    """Prompts a generate call and part file. A crash loses at most one part."""

    engine: dict[str, Any] = {}
    """Further arguments of `vllm.LLM`, such as `tensor_parallel_size` or `max_model_len`."""

    @model_validator(mode="after")
    def _greedy_decoding_has_one_response(self) -> Self:
        if self.temperature == 0 and self.n > 1:
            raise ValueError(
                f"n is {self.n}, but temperature 0 is greedy decoding, which has one response:"
                " set n to 1, or temperature above 0"
            )
        return self
