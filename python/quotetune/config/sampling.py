"""The keys of a config's `sampling:` block."""

from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from quotetune.config.block import Block


class SamplingConfig(Block):
    """How responses are drawn. The defaults are those of Quote-Tuning's released settings."""

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
