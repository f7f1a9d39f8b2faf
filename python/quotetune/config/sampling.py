"""The keys of a config's `sampling:` block."""

from typing import Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from quotetune.config.block import Block


class SamplingConfig(Block):
    """Sampling of responses. The defaults are those of Quote-Tuning's released settings."""

    backend: Literal["auto", "vllm", "transformers"] = "auto"
    """Library that generates the text; `auto` takes vLLM if it is installed, else transformers."""

    n: PositiveInt = 32
    """Responses per prompt."""

    temperature: float = Field(default=1.0, ge=0.0)
    """Divisor of the logits; 0 is greedy decoding, which has one response per prompt."""

    top_p: float = Field(default=0.95, gt=0.0, le=1.0)
    """Probability of the smallest set of most probable tokens from which each token is drawn."""

    top_k: int = Field(default=0, ge=0)
    """Number of most probable tokens from which each token is drawn; 0 is all of them."""

    max_tokens: PositiveInt = 1024
    """Tokens after which a response is cut; its `finish_reason` is then `length`."""

    stop: list[str] = []
    """Strings that end a response; they are not part of it."""

    chunk_prompts: PositiveInt = 64
    """Prompts per generate call and per part file. A crash loses at most one part."""

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
