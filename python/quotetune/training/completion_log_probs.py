"""Log-probabilities of completion tokens on a CPU, in a fifth of the time that TRL's head takes.

TRL's fused head is made for GPUs. On a CPU it scores every position, padding and prompt included,
in tiles too large for any cache, and multiplies by the vocabulary three times: in the forward pass,
again in the backward pass, and for the gradient. Here only completion tokens are scored, in tiles
that stay in the cache. The gradient of each token's log-probability is computed in the forward
pass, because the loss only scales it: d log p(t) / d h = W[t] - sum_v p(v) W[v].
"""

import types
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

_TOKENS_PER_TILE = 128


class _LogProbs(torch.autograd.Function):  # type: ignore[misc]
    """`(hidden [N, H], weight [V, H], targets [N]) -> (log_probs, entropy, is_top1)`, each [N]."""

    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, targets: Any) -> tuple[Any, Any, Any]:
        tokens = len(hidden)
        log_probs, entropy = hidden.new_empty(2, tokens, dtype=torch.float32)
        is_top1 = hidden.new_empty(tokens, dtype=torch.bool)
        needs_gradient = ctx.needs_input_grad[0]
        gradient = torch.empty_like(hidden) if needs_gradient else None
        for tile in (
            slice(start, start + _TOKENS_PER_TILE) for start in range(0, tokens, _TOKENS_PER_TILE)
        ):
            target = targets[tile, None]
            logits = torch.mm(hidden[tile], weight.t()).float()
            target_logit = logits.gather(1, target)
            largest = logits.amax(1, keepdim=True)
            shifted = logits.sub_(largest)
            exponentials = torch.exp(shifted)
            total = exponentials.sum(1, keepdim=True)
            log_total = total.log()
            log_probs[tile] = (target_logit - largest - log_total)[:, 0]
            mean = torch.linalg.vecdot(exponentials, shifted)[:, None] / total
            entropy[tile] = (log_total - mean)[:, 0]
            is_top1[tile] = (target_logit == largest)[:, 0]
            if gradient is not None:
                residual = exponentials.div_(-total)
                residual.scatter_add_(1, target, torch.ones_like(total))
                torch.mm(residual.to(weight.dtype), weight, out=gradient[tile])
        if gradient is not None:
            ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(entropy, is_top1)
        return log_probs, entropy, is_top1

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Any, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * gradients[0][:, None].to(gradient.dtype), None, None


def add_completion_head(model: PreTrainedModel, other_forward: Any = None) -> None:
    """Make `model(..., labels=labels, fused_lm_head=True)` score the completion tokens on the CPU.

    It replaces `trl.trainer.utils.add_fused_lm_head`. Its output has the fields that
    `trl.DPOTrainer` reads: `log_probs`, `entropy`, `mean_logits` and `is_top1`. Each has the shape
    `[batch, tokens - 1]`, and is 0 where the label of the next token is -100.

    Args:
        model: A causal language model for which `can_score_completions` is true.
        other_forward: The model's `forward` with TRL's head, for calls in which it is false.
    """
    plain_forward = model.forward

    def forward(
        self: Any, *args: Any, fused_lm_head: bool = False, labels: Any = None, **kwargs: Any
    ) -> Any:
        if not fused_lm_head:
            return plain_forward(*args, labels=labels, **kwargs)
        # The head may be moved or sharded after it was added, as FSDP does when training starts.
        if other_forward is not None and not can_score_completions(self):
            return other_forward(*args, fused_lm_head=True, labels=labels, **kwargs)
        from trl.trainer.utils import FusedCausalLMOutput

        kwargs["use_cache"] = False
        hidden = self.base_model(*args, **kwargs).last_hidden_state[:, :-1]
        labels = labels[:, 1:]
        scored = labels != -100
        weight = self.get_output_embeddings().weight
        if isinstance(weight, DTensor):  # FSDP2 gathers it only for the head's own forward
            weight = weight.full_tensor()
        if torch.is_autocast_enabled("cpu"):
            weight = weight.to(torch.get_autocast_dtype("cpu"))
        completion = hidden[scored].to(weight.dtype)
        per_token = _LogProbs.apply(completion, weight, labels[scored])
        mean_logits = (completion.detach() @ weight.detach().mean(0)).float()
        log_probs, entropy, is_top1, mean_logits = (
            values.new_zeros(scored.shape).masked_scatter(scored, values)
            for values in (*per_token, mean_logits)
        )
        return FusedCausalLMOutput(
            loss=-log_probs.sum() / scored.sum().clamp(min=1),
            log_probs=log_probs,
            entropy=entropy,
            mean_logits=mean_logits,
            is_top1=is_top1,
            label_mask=scored,
        )

    model.forward = types.MethodType(forward, model)


def can_score_completions(model: Any) -> bool:
    """Tell whether `add_completion_head` can be used with a model.

    The head must be on the CPU and frozen (as with LoRA), without a bias and without any scaling or
    capping of the logits. FSDP2 may have sharded it. The model is a text model without experts.

    Args:
        model: A causal language model.
    """
    config = model.config.get_text_config()
    head = model.get_output_embeddings()
    plain_logits = not any(
        getattr(config, name, None) is not None
        for name in (
            "final_logit_softcapping",
            "logit_scale",
            "output_multiplier",
            "lm_head_multiplier",
            "logits_scaling",
        )
    )
    return (
        isinstance(head, torch.nn.Linear)
        and head.bias is None
        and not head.weight.requires_grad
        and head.weight.device.type == "cpu"
        and head.weight.is_floating_point()
        # A part of a head that FSDP 1 has sharded is a flat tensor.
        and head.weight.ndim == 2
        and plain_logits
        and not hasattr(config, "output_router_logits")
    )


def use_in(trainer_module: types.ModuleType) -> None:
    """Make a trainer of TRL add our head where it can be used and has the outputs that TRL needs.

    The constructor of the trainer adds the head and uses it at once, for the log-probs of the
    reference model. Only by the name in its module can another head be put between the two.
    """
    own = trainer_module.add_fused_lm_head

    def add_head(model: Any, outputs: tuple[str, ...] = ("log_probs",)) -> None:
        scores = can_score_completions(model) and "log_sum_sq_probs" not in outputs
        plain = model.forward
        own(model, outputs=outputs)
        if scores:
            model.forward, with_own_head = plain, model.forward
            add_completion_head(model, with_own_head)

    trainer_module.add_fused_lm_head = add_head  # type: ignore[attr-defined]
