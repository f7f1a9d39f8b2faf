"""The batches of a measure with a language model, and the shares of its rows.

A share consists of whole batches, so a row is in the same batch whatever the number of shares.
"""

from collections.abc import Sequence
from typing import Any

from quotetune.runtime.device_memory import device_memory, fitting

# Tokens per batch, including padding. On a CPU more of them are not faster. With a vocabulary of
# 128,000, the logits of 2,048 are 1 GiB in float32.
_CPU_TOKENS, _GPU_TOKENS, _FEWEST_TOKENS = 2048, 65536, 256
# Numbers per token that exist at once: logits, their float32 copy and its exponentials; and those
# that a block of the model computes, per hidden unit.
_LOGITS, _STATES = 3, 40


def batches(lengths: Sequence[int], tokens: int = _CPU_TOKENS) -> list[list[int]]:
    """Group rows of similar length into batches with little padding, without empty rows.

    Args:
        lengths: Tokens of each row.
        tokens: Tokens of a batch, padding included; a longer row is a batch of its own.

    The longest rows come first, so that a lack of memory shows at once.

    Example:
        >>> batches([1500, 10, 1400, 12])
        [[0], [2], [1, 3]]
    """
    groups: list[list[int]] = []
    for row in sorted(filter(lengths.__getitem__, range(len(lengths))), key=lengths.__getitem__):
        # The rows are sorted by length, so this one is the longest of its batch.
        full = not groups or (len(groups[-1]) + 1) * lengths[row] > tokens
        if full:
            groups.append([])
        groups[-1].append(row)
    return groups[::-1]


def batches_for(model: Any, lengths: Sequence[int]) -> list[list[int]]:
    """Group rows into batches that fit beside a model.

    A batch of the kind of device is cut where it does not fit. So the shares of a job are the same
    on devices of one kind with different memories.

    Args:
        model: The loaded model.
        lengths: Tokens of each row.
    """
    tokens = tokens_per_batch(model)
    return [
        [group[place] for place in places]
        for group in batches(lengths, _most_tokens(model.device.type))
        for places in batches([lengths[row] for row in group], tokens)
    ]


def share_of(lengths: Sequence[int], share: int, shares: int, device: str) -> list[int]:
    """Return the rows of a share, in order. Its batches are those that they are in anyway.

    Args:
        lengths: Tokens of each row.
        share: The number of the share, from 0. The first one has the empty rows, too.
        shares: The number of shares.
        device: The type of the device, such as `cpu`.

    Example:
        >>> [share_of([1500, 10, 0, 1400, 12], number, 2, "cpu") for number in range(2)]
        [[0, 1, 2, 4], [3]]
    """
    groups = batches(lengths, _most_tokens(device))
    empty = [] if share else [row for row, length in enumerate(lengths) if not length]
    return sorted([*empty, *(row for group in groups[share::shares] for row in group)])


def tokens_per_batch(model: Any) -> int:
    """Return how many tokens, padding included, a model sees at once on its device."""
    config = model.config.get_text_config()
    each = 4.0 * (_LOGITS * config.vocab_size + _STATES * config.hidden_size)
    most = _most_tokens(model.device.type)
    return fitting(device_memory(model.device), model, each, least=_FEWEST_TOKENS, most=most)


def _most_tokens(device: str) -> int:
    return _CPU_TOKENS if device == "cpu" else _GPU_TOKENS
