"""The memory of the device that a model is on, and how much work fits into it at once."""

import os
from typing import Any

# The share that is left to a batch after the weights: allocators and libraries take the rest.
_SHARE = 0.6


def device_memory(device: Any) -> float:
    """Return the bytes of memory of a device: all of a GPU's, or half of the machine's.

    It is not what is free at the moment, so that the same machine makes the same batches again.

    Args:
        device: A `torch.device`.
    """
    if device.type == "cuda":
        import torch

        return float(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2


def fitting(memory: float, model: Any, each: float, *, least: int, most: int) -> int:
    """Return how many rows or tokens fit beside a model.

    Args:
        memory: Bytes of the device.
        model: The loaded model, whose weights are on it.
        each: Bytes of a row or a token.
        least: The result if less fits.
        most: The result if more fits.

    Example:
        >>> from torch import nn
        >>> fitting(1e6, nn.Linear(100, 100), 1e3, least=1, most=4096)
        575
    """
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    return max(least, min(most, int(_SHARE * (memory - weights) / each)))
