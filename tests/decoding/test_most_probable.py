"""The most probable tokens, beside a sort of the whole row."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from quotetune.decoding.most_probable import most_probable
from quotetune.errors import UsageError


@given(
    st.integers(1, 4),
    st.integers(1, 700) | st.integers(1000, 4000),
    st.integers(1, 50),
    st.sampled_from(["any", "few", "masked", "one"]),
    st.sampled_from([torch.float32, torch.float64]),  # which are searched in two ways
    st.integers(0, 99),
)
def test_they_are_the_largest_of_a_sorted_row(rows, vocabulary, count, kind, dtype, seed):
    count = min(count, vocabulary)
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, vocabulary, generator=generator, dtype=dtype)
    if kind == "few":  # many equal ones
        logits = logits.round()
    if kind == "masked":
        logits[logits < 0.5] = -torch.inf
    if kind == "one":  # fewer possible ones than are asked for
        logits[:, 1:] = -torch.inf
    tokens = most_probable(logits, count)
    expected = logits.sort(-1, descending=True).values[:, :count]
    assert torch.equal(logits.gather(1, tokens), expected)
    assert all(len(set(row)) == count for row in tokens.tolist())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("vocabulary", [49_152, 50_257])
def test_a_large_vocabulary_gives_what_topk_gives(vocabulary, dtype):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, vocabulary, generator=generator, dtype=dtype)
    logits[0, -1] = 9.0  # in the tokens after the last whole block, for one of them
    assert torch.equal(most_probable(logits, 40), logits.topk(40).indices)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_apart_in_memory_are_read_as_rows(dtype):
    logits = torch.randn(6, 20_000, generator=torch.Generator().manual_seed(1), dtype=dtype)[::2]
    assert torch.equal(most_probable(logits, 40), logits.topk(40).indices)


def test_logits_apart_in_memory_are_read_as_rows():
    logits = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(2)).T
    assert torch.equal(most_probable(logits, 40), logits.topk(40).indices)


def test_a_row_of_nan_fails_nothing():
    logits = torch.full((2, 5000), torch.nan)
    logits[1, 3] = 1.0
    assert most_probable(logits, 40).shape == (2, 40)
    # One beside the largest logit of a block does not hide it.
    logits = torch.zeros(1, 5000)
    logits[0, 1000] = 9.0
    logits[0, 1000 + 5000 // 64 // 16 * 16] = torch.nan
    assert 1000 in most_probable(logits, 40)[0]


def test_edges():
    assert most_probable(torch.zeros(0, 9), 2).shape == (0, 2)
    assert most_probable(torch.zeros(3, 9), 0).shape == (3, 0)
    weights = torch.randn(2, 3000, generator=torch.Generator().manual_seed(3), requires_grad=True)
    assert torch.equal(most_probable(weights, 4), weights.topk(4).indices)
    with pytest.raises(UsageError, match="10 of 9 tokens"):
        most_probable(torch.zeros(3, 9), 10)
