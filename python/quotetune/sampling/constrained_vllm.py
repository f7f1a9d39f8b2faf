"""Constrained decoding as a logits processor of vLLM."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from quotetune.decoding.vllm_requests import RequestProcessor, model_of
from quotetune.models.tokenizer import end_tokens, load_tokenizer
from quotetune.sampling.constrained import keep_allowed
from quotetune.sampling.constraint import Constraint, token_trie

# The key of the engine's `additional_config`, which has the file of the constraint. The engine may
# run in other processes, and each of them reads the file.
ENGINE_KEY = "quotetune_constraint"


class Generated:
    """The tokens of a response so far."""

    tokens: Sequence[int] = ()

    def follow(self, tokens: Sequence[int]) -> None:
        """Take the tokens of the response so far."""
        self.tokens = tokens


class StringConstraint(RequestProcessor):
    """Limits all responses of an engine to the strings of a constraint.

    Args:
        vllm_config: The engine's config.
        runner: As for `RequestProcessor`.
        is_pin_memory: Of the older runner.

    Raises:
        UsageError: The tokenizer knows the characters of no string.
    """

    def __init__(self, vllm_config: Any, runner: Any, is_pin_memory: bool = False) -> None:
        super().__init__(runner)
        model = model_of(vllm_config)
        tokenizer = load_tokenizer(model)
        constraint = Constraint.read(Path(vllm_config.additional_config[ENGINE_KEY]))
        self._trie = token_trie(constraint, tokenizer, end_tokens(model, tokenizer))

    def start(self, params: Any) -> Generated:
        """Start a response."""
        return Generated()

    def steer(self, logits: torch.Tensor, rows: Sequence[int], responses: Sequence[Any]) -> None:
        """Mask what may not come."""
        keep_allowed(logits, rows, [response.tokens for response in responses], self._trie)
