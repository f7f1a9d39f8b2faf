"""The top-p filter, against its definition and against vLLM's own."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quotetune.sampling.nucleus import keep_nucleus


def nucleus_by_definition(logits: list[float], top_p: float) -> set[int]:
    """Add the most probable tokens one by one until they hold top_p of the probability."""
    probabilities = torch.tensor(logits, dtype=torch.float64).softmax(-1).tolist()
    inside: set[int] = set()
    for token in sorted(range(len(logits)), key=lambda token: -probabilities[token]):
        if sum(probabilities[other] for other in inside) >= top_p:
            break
        inside.add(token)
    return inside


# Whole numbers apart make the probabilities differ; the top_p are none of their sums.
rows_of_logits = st.lists(st.permutations(range(12)), min_size=1, max_size=4)


@settings(deadline=None)
@given(
    rows=rows_of_logits,
    scale=st.floats(0.01, 2),
    top_p=st.floats(0.01, 0.99),
    numbers=st.lists(st.integers(1, 12), max_size=3, unique=True).map(sorted),
)
def test_it_keeps_the_nucleus_however_few_candidates_are_looked_at(rows, scale, top_p, numbers):
    logits = torch.tensor(rows, dtype=torch.float32) * scale
    kept = keep_nucleus(logits.clone(), top_p, candidates=numbers)
    for row, row_kept in zip(logits.tolist(), kept, strict=True):
        inside = set((row_kept > -torch.inf).nonzero().flatten().tolist())
        # Rounding may decide only about a token at which the sum is top_p to six digits.
        assert inside in (
            nucleus_by_definition(row, top_p - 1e-6),
            nucleus_by_definition(row, top_p + 1e-6),
        )
    assert torch.equal(kept[kept > -torch.inf], logits[kept > -torch.inf])


@given(
    rows=st.lists(st.lists(st.integers(0, 3), min_size=12, max_size=12), min_size=1, max_size=4),
    numbers=st.lists(st.integers(1, 12), max_size=3, unique=True).map(sorted),
)
def test_of_equally_probable_tokens_all_or_none_are_kept(rows, numbers):
    logits = torch.tensor(rows, dtype=torch.float32)
    kept = keep_nucleus(logits.clone(), 0.6, candidates=numbers)
    for row, row_kept in zip(rows, kept.isfinite().tolist(), strict=True):
        values = {value for value, is_kept in zip(row, row_kept, strict=True) if is_kept}
        assert row_kept == [value in values for value in row]
        assert values == {value for value in row if value >= min(values)}


def test_rows_that_are_filtered_apart_are_filtered_as_one():
    logits = torch.randn(100, 50_257, generator=torch.Generator().manual_seed(0))
    together = keep_nucleus(logits.clone(), 0.95)
    alone = [keep_nucleus(row.clone()[None], 0.95) for row in logits]
    assert torch.equal(together, torch.cat(alone))


def test_it_keeps_what_vllm_keeps():
    from vllm.v1.sample.ops.topk_topp_sampler import apply_top_k_top_p_pytorch

    generator = torch.Generator().manual_seed(0)
    # From peaked rows to one so flat that its nucleus is wider than the candidates.
    logits = torch.randn(16, 20_000, generator=generator) * torch.linspace(0.1, 6, 16)[:, None]
    for top_p in (0.5, 0.95):
        ours = keep_nucleus(logits.clone(), top_p)
        theirs = apply_top_k_top_p_pytorch(logits.clone(), None, torch.full((16,), top_p))
        difference = (ours.isinf() != theirs.isinf()).sum(-1)
        assert difference.max() <= 2  # the sums are rounded in another order


@given(
    rows=st.lists(st.lists(st.integers(0, 5), min_size=12, max_size=12), min_size=1, max_size=4),
    top_p=st.floats(0.01, 0.99),
    numbers=st.lists(st.integers(1, 12), max_size=3, unique=True).map(sorted),
    known=st.integers(1, 12),
    order=st.randoms(use_true_random=False),
)
def test_the_most_probable_tokens_may_be_known(rows, top_p, numbers, known, order):
    logits = torch.tensor(rows, dtype=torch.float32)
    tokens = logits.topk(known).indices[:, order.sample(range(known), known)]
    searched = keep_nucleus(logits.clone(), top_p, candidates=numbers)
    assert torch.equal(searched, keep_nucleus(logits, top_p, candidates=numbers, known=tokens))
