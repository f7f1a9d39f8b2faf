"""Log-probabilities on the CPU: the same numbers and gradients as the definition gives."""

import pytest
import torch
import trl.trainer.dpo_trainer as trl_dpo
from transformers import AutoModelForCausalLM

from quotetune.training.completion_log_probs import (
    add_completion_head,
    can_score_completions,
    use_in,
)

use_in(trl_dpo)


def _batch(model, rows, columns):
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(0, model.config.vocab_size, (rows, columns), generator=generator)
    labels = ids.clone()
    labels[:, :5] = -100
    labels[0, 20:] = -100
    return ids, labels


def test_scores_and_gradients_are_those_of_log_softmax_over_all_logits(model):
    model = AutoModelForCausalLM.from_pretrained(model)
    model.get_output_embeddings().weight.requires_grad_(False)
    ids, labels = _batch(model, rows=6, columns=60)  # More completion tokens than a tile has.
    weights = torch.rand(6, 59)

    logits = model(input_ids=ids).logits[:, :-1]
    everywhere = logits.log_softmax(-1)
    scored = labels[:, 1:] != -100
    expected = everywhere.gather(2, ids[:, 1:, None])[..., 0] * scored
    (expected * weights).sum().backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()

    assert can_score_completions(model)
    add_completion_head(model)
    output = model(input_ids=ids, labels=labels, fused_lm_head=True)
    (output.log_probs * weights).sum().backward()

    torch.testing.assert_close(output.log_probs, expected, atol=1e-5, rtol=1e-5)
    entropy = -(everywhere.exp() * everywhere).sum(-1) * scored
    torch.testing.assert_close(output.entropy, entropy, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(output.mean_logits, logits.mean(-1) * scored, atol=1e-5, rtol=1e-5)
    assert torch.equal(output.is_top1, (logits.argmax(-1) == ids[:, 1:]) & scored)
    assert gradients
    for name, parameter in model.named_parameters():
        if name in gradients:
            torch.testing.assert_close(parameter.grad, gradients[name], atol=1e-4, rtol=1e-4)


def test_the_plain_forward_stays_as_it_was(model):
    model = AutoModelForCausalLM.from_pretrained(model)
    ids, labels = _batch(model, rows=2, columns=12)
    before = model(input_ids=ids, labels=labels)
    add_completion_head(model)
    after = model(input_ids=ids, labels=labels)
    assert torch.equal(before.logits, after.logits)
    assert torch.equal(before.loss, after.loss)


def test_bf16_autocast_is_close_to_float32(model):
    model = AutoModelForCausalLM.from_pretrained(model)
    model.get_output_embeddings().weight.requires_grad_(False)
    ids, labels = _batch(model, rows=2, columns=30)
    add_completion_head(model)
    exact = model(input_ids=ids, labels=labels, fused_lm_head=True).log_probs
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = model(input_ids=ids, labels=labels, fused_lm_head=True).log_probs
    rounded.sum().backward()
    torch.testing.assert_close(rounded, exact, atol=0.2, rtol=0.1)


def test_a_trained_head_is_left_to_trl(model):
    model = AutoModelForCausalLM.from_pretrained(model)
    assert not can_score_completions(model)


@pytest.fixture
def _group(tmp_path):
    """A process group of this process alone, which is enough for FSDP to shard a model."""
    if torch.distributed.is_initialized():
        pytest.skip("another test has made a process group here")
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("_group")
@pytest.mark.parametrize("alone", [False, True], ids=["root", "head"])
def test_a_head_that_fsdp_shards_after_it_was_added_is_gathered(model, alone):
    """FSDP takes the model when training starts, after the trainer has added the head."""
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    model = AutoModelForCausalLM.from_pretrained(model)
    model.requires_grad_(False)
    ids, labels = _batch(model, rows=2, columns=30)
    expected = model(input_ids=ids).logits[:, :-1].log_softmax(-1)
    expected = expected.gather(2, ids[:, 1:, None])[..., 0] * (labels[:, 1:] != -100)
    assert can_score_completions(model)
    trl_dpo.add_fused_lm_head(model, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
    mesh = torch.distributed.init_device_mesh("cpu", (1,))
    for part in [model.get_output_embeddings()] if alone else []:
        fully_shard(part, mesh=mesh)
    fully_shard(model, mesh=mesh)
    assert isinstance(model.get_output_embeddings().weight, DTensor)
    assert can_score_completions(model)
    output = model(input_ids=ids, labels=labels, fused_lm_head=True)
    torch.testing.assert_close(output.log_probs, expected, atol=1e-5, rtol=1e-5)


def test_a_head_on_another_device_is_left_to_trl(model):
    model = AutoModelForCausalLM.from_pretrained(model).requires_grad_(False)
    assert can_score_completions(model)
    assert not can_score_completions(model.to("meta"))
