"""Interpolation with the counts of a token n-gram of unbounded length, as a processor for vLLM.

The next token's probability is (1 - w) p_model + w p_corpus, where p_model is that at the request's
temperature, and top-p comes after. p_corpus counts what follows on the
longest suffix of the response (in tokens) that occurs in the corpus (infini-gram, Liu et al. 2024,
section 4). It is taken over the model's `CANDIDATES` most probable tokens.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from vllm.v1.sample.logits_processor import LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from evidence.infinity_gram_index import INDEX_VARIABLE, WEIGHT_VARIABLE, as_text
from quotetune import Index

CANDIDATES = 200


@dataclass
class _Row:
    """A response: its tokens, where their longest known suffix starts, and its temperature."""

    tokens: list[int]
    start: int
    temperature: float


def _start(params: Any, prompt: Any, tokens: list[int]) -> _Row:
    return _Row(tokens, 0, params.temperature)


class InfinityGram(LogitsProcessor):  # type: ignore[misc]
    """Interpolates the model's next-token probabilities with those of the corpus."""

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        self._index = Index.open(os.environ[INDEX_VARIABLE])
        self._weight = float(os.environ[WEIGHT_VARIABLE])
        self._rows: dict[int, _Row] = {}  # by the place in the batch

    def is_argmax_invariant(self) -> bool:
        """Return False: the counts change which token is the most probable one."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the requests as they enter, leave and move."""
        process_dict_updates(self._rows, batch_update, _start)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Replace the logits by those of the interpolated probabilities."""
        suffixes = self._suffixes()
        rows = [row for row, suffix in suffixes.items() if suffix]
        if not rows:
            return logits
        tokens = logits[rows].topk(CANDIDATES).indices
        asked = [
            suffixes[row] + as_text([token])
            for row, candidates in zip(rows, tokens.tolist(), strict=True)
            for token in candidates
        ]
        counts = self._index.count(asked).reshape(len(rows), CANDIDATES).astype(np.float32)
        known = counts.sum(1, keepdims=True)
        shares = torch.from_numpy(counts / np.maximum(known, 1))
        # Where the corpus knows nothing that follows, the model alone decides.
        weights = torch.from_numpy(np.where(known > 0, self._weight, 0.0).astype(np.float32))
        temperatures = torch.tensor([[self._rows[row].temperature] for row in rows])
        probabilities = (1 - weights) * (logits[rows].float() / temperatures).softmax(-1)
        probabilities.scatter_add_(1, tokens, weights * shares)
        # The sampler divides by the temperature.
        logits[rows] = (temperatures * probabilities.log()).to(logits.dtype)
        return logits

    def _suffixes(self) -> dict[int, str]:
        """Return the longest suffix of each response that occurs in the corpus."""
        open_ = set(self._rows)
        while open_:
            texts = {row: self._suffix(row) for row in open_}
            counts = self._index.count(list(texts.values())).tolist()
            open_ = {
                row
                for (row, text), count in zip(texts.items(), counts, strict=True)
                if text and not count
            }
            for row in open_:
                self._rows[row].start += 1
        return {row: self._suffix(row) for row in self._rows}

    def _suffix(self, row: int) -> str:
        response = self._rows[row]
        return as_text(response.tokens[response.start :])
