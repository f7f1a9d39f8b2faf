"""The most probable tokens of each row, without a sort of the whole vocabulary."""

import torch

from quotetune.corpus.largest import largest
from quotetune.errors import UsageError

_TOKENS_PER_BLOCK = 16


def most_probable(logits: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the largest logits of each row, the largest first.

    Of equal logits, any may be returned.

    Args:
        logits: Logits of shape (rows, vocabulary).
        count: Tokens per row, at most the vocabulary.

    Returns:
        Token ids of shape (rows, count).

    Raises:
        UsageError: `count` is larger than the vocabulary.

    Example:
        >>> most_probable(torch.tensor([[0.0, 3.0, 2.0]]), 2)
        tensor([[1, 2]])
    """
    if count > logits.shape[1]:
        raise UsageError(f"{count} of {logits.shape[1]} tokens: ask for no more than there are")
    if logits.device.type == "cpu" and logits.dtype == torch.float32:
        return torch.from_numpy(largest(logits.detach().numpy(), count))
    return _by_blocks(logits, count)


def _by_blocks(logits: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the largest logits, on any device.

    The `count` largest logits are in the `count` blocks with the largest maxima: a block outside
    has `count` larger logits elsewhere. So only these blocks, and the tokens after the last whole
    block, are sorted. The tokens of a block are not neighbours, so that maxima of neighbouring
    blocks are taken together.
    """
    rows, vocabulary = logits.shape
    blocks = vocabulary // _TOKENS_PER_BLOCK
    if blocks <= count:
        return logits.topk(count).indices
    whole = blocks * _TOKENS_PER_BLOCK
    blocked = logits[:, :whole].view(rows, _TOKENS_PER_BLOCK, blocks)
    best = blocked.amax(1).topk(count).indices
    of_best = blocked.gather(2, best[:, None].expand(-1, _TOKENS_PER_BLOCK, -1))
    near = of_best.flatten(1).topk(count)
    tokens = near.indices // count * blocks + best.gather(1, near.indices % count)
    if whole == vocabulary:
        return tokens
    rest = torch.arange(whole, vocabulary, device=logits.device).expand(rows, -1)
    last = torch.cat([near.values, logits[:, whole:]], dim=1).topk(count).indices
    return torch.cat([tokens, rest], dim=1).gather(1, last)
