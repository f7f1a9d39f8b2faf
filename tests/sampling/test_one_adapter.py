"""What one adapter adds is what vLLM's own operators add, token by token."""

import pytest
import torch
from vllm.lora.layers import LoRAMapping
from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

from quotetune.sampling.one_adapter import OneAdapter

TOKENS, RANK, INPUT, SLICES = 9, 4, 12, (8, 3)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def wrapper(kind, adapter_of_each_token):
    """Make a wrapper for a batch; adapter 0 is none."""
    made = kind(max_num_batched_tokens=16, max_batches=16, device="cpu")
    tokens = tuple(adapter_of_each_token)
    made.update_metadata(LoRAMapping(tokens, tokens, is_prefill=True), [7], 1, 50)
    return made


def both(adapters):
    return [wrapper(kind, adapters) for kind in (OneAdapter, PunicaWrapperCPU)]


@DTYPES
def test_a_layer_of_several_slices_gets_what_the_operators_of_many_adapters_give(dtype):
    torch.manual_seed(0)
    x = torch.randn(TOKENS, INPUT).to(dtype)
    a = tuple(torch.randn(1, 1, RANK, INPUT).to(dtype) for _ in SLICES)
    b = tuple(torch.randn(1, 1, width, RANK).to(dtype) for width in SLICES)
    before = torch.randn(TOKENS, sum(SLICES)).to(dtype)
    ours, theirs = before.clone(), before.clone()
    for made, y in zip(both([7] * TOKENS), (ours, theirs), strict=True):
        made.add_lora_linear(y, x, a, b, 0.5, SLICES)
    torch.testing.assert_close(ours, theirs)
    exact = [
        x.double() @ m.double()[0, 0].T @ n.double()[0, 0].T for m, n in zip(a, b, strict=True)
    ]
    exact = before.double() + 0.5 * torch.cat(exact, dim=1)
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-4} if dtype is torch.float32 else {"rtol": 0.05, "atol": 0.2}
    )
    torch.testing.assert_close(ours.double(), exact, **tolerance)


@DTYPES
@pytest.mark.parametrize("padding", [-2, 0, 5])
def test_the_output_layer_and_the_embedding_take_widths_that_are_padded(dtype, padding):
    torch.manual_seed(0)
    width = 20
    x, rows = torch.randn(TOKENS, INPUT).to(dtype), torch.randn(TOKENS, RANK).to(dtype)
    a = torch.randn(1, 1, RANK, INPUT).to(dtype)
    b = torch.randn(1, 1, width, RANK).to(dtype)
    ours, theirs = torch.zeros(2, TOKENS, width + padding, dtype=dtype)
    for made, y in zip(both([7] * TOKENS), (ours, theirs), strict=True):
        made.add_lora_logits(y, x, a, b, 0.5)
        made.add_lora_embedding(y, rows, b, add_inputs=True)
    torch.testing.assert_close(ours, theirs)
    assert ours[:, :width].abs().sum() > 0


def test_a_batch_without_an_adapter_is_left_as_it_is():
    made = wrapper(OneAdapter, [0] * TOKENS)
    y = torch.ones(TOKENS, 8)
    a, b = torch.ones(1, 1, RANK, INPUT), torch.ones(1, 1, 8, RANK)
    made.add_lora_linear(y, torch.ones(TOKENS, INPUT), (a,), (b,), 1.0, (8,))
    made.add_lora_logits(y, torch.ones(TOKENS, INPUT), a, b, 1.0)
    made.add_lora_embedding(y, torch.ones(TOKENS, RANK), b)
    assert torch.equal(y, torch.ones(TOKENS, 8))


def test_two_adapters_are_refused():
    made = wrapper(OneAdapter, [7] * TOKENS)
    with pytest.raises(RuntimeError, match="invalid for input of size"):
        made.add_lora_embedding(
            torch.ones(TOKENS, 8), torch.ones(TOKENS, RANK), torch.ones(2, 1, 8, RANK)
        )
