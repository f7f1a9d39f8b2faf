"""Constrained decoding as logits processors, for both backends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor

from quotetune.corpus.token_trie import TokenTrie


def keep_allowed(
    logits: torch.Tensor, rows: Sequence[int], responses: Sequence[Sequence[int]], trie: TokenTrie
) -> None:
    """Set the logits of tokens that may not come next to `-inf`, in place.

    Args:
        logits: The logits of a step, of shape (rows, vocabulary).
        rows: The rows of the responses.
        responses: The tokens of each response so far.
        trie: What may be generated.

    Example:
        >>> logits = torch.zeros(2, 4)
        >>> keep_allowed(logits, [1], [[2]], TokenTrie([[2, 1], [2, 3]], most=1, ends=[0]))
        >>> logits.exp()
        tensor([[1., 1., 1., 1.],
                [0., 1., 0., 1.]])
    """
    if not rows:
        return
    states, tokens = trie.allowed(responses)
    # Many responses are in the same state, so only the states have a mask.
    numbers = np.repeat(np.arange(len(tokens)), [len(own) for own in tokens])
    device = logits.device
    refused = torch.ones(len(tokens), logits.shape[-1], dtype=torch.bool, device=device)
    place = (torch.from_numpy(numbers), torch.from_numpy(np.concatenate(tokens)))
    refused[place[0].to(device), place[1].to(device)] = False
    chosen = torch.tensor(rows, device=device)
    mask = refused[torch.from_numpy(states).to(device)]
    logits[chosen] = logits[chosen].masked_fill_(mask, -torch.inf)


class ConstrainedLogits(LogitsProcessor):  # type: ignore[misc]
    """Limits `generate` of transformers to the strings of a trie.

    Args:
        trie: What may be generated.
        prompt_tokens: The width of the prompts in tokens, padding included.
    """

    def __init__(self, trie: TokenTrie, prompt_tokens: int) -> None:
        self._trie = trie
        self._prompt_tokens = prompt_tokens

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> Any:
        """Return the scores without what may not come."""
        scores = scores.clone()
        generated = input_ids[:, self._prompt_tokens :].tolist()
        keep_allowed(scores, range(len(generated)), generated, self._trie)
        return scores
