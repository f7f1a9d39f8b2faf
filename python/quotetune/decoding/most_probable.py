"""The most probable tokens of each row, without a search through the whole vocabulary."""

import torch

_TOKENS_PER_BLOCK = 128


def most_probable(logits: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the largest logits of each row, the largest first.

    The `count` largest logits are in the `count` blocks with the largest maxima: a block outside
    has `count` larger logits elsewhere. So only these blocks, and the tokens after the last whole
    block, are sorted. Of equal logits, any may be returned.

    Args:
        logits: Logits of shape (rows, vocabulary).
        count: Tokens per row, at most the vocabulary.

    Returns:
        Token ids of shape (rows, count).

    Example:
        >>> most_probable(torch.tensor([[0.0, 3.0, 2.0]]), 2)
        tensor([[1, 2]])
    """
    rows, vocabulary = logits.shape
    blocks = vocabulary // _TOKENS_PER_BLOCK
    if blocks <= count:
        return logits.topk(count).indices
    whole = blocks * _TOKENS_PER_BLOCK
    blocked = logits[:, :whole].view(rows, blocks, _TOKENS_PER_BLOCK)
    best = blocked.amax(-1).topk(count).indices
    in_order = torch.arange(rows, device=logits.device)[:, None]
    near = blocked[in_order, best].flatten(1).topk(count)
    tokens = best.gather(1, near.indices // _TOKENS_PER_BLOCK) * _TOKENS_PER_BLOCK
    tokens += near.indices % _TOKENS_PER_BLOCK
    if whole == vocabulary:
        return tokens
    rest = torch.arange(whole, vocabulary, device=logits.device).expand(rows, -1)
    last = torch.cat([near.values, logits[:, whole:]], dim=1).topk(count).indices
    return torch.cat([tokens, rest], dim=1).gather(1, last)
