"""One LoRA adapter at the speed of matrix products in vLLM's CPU engine.

In vLLM each token of a batch may have another adapter, so its CPU operators copy the matrices of
the adapter for every token, megabytes per token. A sampler has only one adapter, and then the same
sums are matrix products.
"""

from typing import Any

import torch
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU
from vllm.platforms.cpu import CpuPlatform


class OneAdapter(PunicaWrapperCPU):  # type: ignore[misc]
    """Adds the parts of the only adapter to the outputs of vLLM's layers."""

    def _apply_shrink(
        self, y: torch.Tensor, x: torch.Tensor, w_t_all: torch.Tensor, scale: float
    ) -> None:
        if not self.no_lora:
            y.copy_(x.to(y.dtype) @ _only(w_t_all).to(y.dtype).T).mul_(scale)

    def _apply_expand(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        w_t_all: torch.Tensor,
        y_offset: int,
        y_slice_size: int,
        add_inputs: bool = True,
    ) -> None:
        if not self.no_lora:
            _add_product(y[:, y_offset : y_offset + y_slice_size], x, w_t_all)

    def add_lora_embedding(
        self, y: torch.Tensor, x: torch.Tensor, lora_b_stacked: torch.Tensor, **_: Any
    ) -> None:
        """Add the embedding layer's part."""
        if not self.no_lora:
            _add_product(y, x, lora_b_stacked)

    def add_lora_logits(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: torch.Tensor,
        lora_b_stacked: torch.Tensor,
        scale: float,
        **_: Any,
    ) -> None:
        """Add the output layer's part."""
        if not self.no_lora:
            rows = x.float() @ _only(lora_a_stacked).float().T
            _add_product(y.view(-1, y.shape[-1]), rows * scale, lora_b_stacked)


def use_one_adapter() -> None:
    """Make the CPU engines of this process take one adapter only."""
    name = f"{OneAdapter.__module__}.{OneAdapter.__name__}"
    CpuPlatform.get_punica_wrapper = classmethod(lambda cls: name)


def _add_product(y: torch.Tensor, x: torch.Tensor, stacked: torch.Tensor) -> None:
    """Add `x @ B^T` to as many columns of `y`; both may be padded."""
    matrix = _only(stacked)[: y.shape[1]]
    y[:, : len(matrix)] += x.to(y.dtype) @ matrix.to(y.dtype).T


def _only(stacked: torch.Tensor) -> torch.Tensor:
    """Return the matrix of the only adapter, of shape (1, rows, columns) or (1, 1, rows, columns).

    `view` raises an error if there is more than one.
    """
    return stacked.view(stacked.shape[-2:])
