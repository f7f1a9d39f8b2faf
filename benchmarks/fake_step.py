"""The peak of memory of a DPO step, counted on fake tensors, which have shapes and no content.

Models of any size fit, and nothing is computed. The libraries are real: the model is that of
`transformers`, the adapter PEFT's, the head TRL's, as on a GPU, and the optimizer torch's.
"""

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from transformers import AutoModelForCausalLM, PreTrainedConfig
from trl.kernels import ChunkedLogProbFunction
from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE

_OUTPUTS = ("log_probs", "entropy", "mean_logits", "is_top1")  # as DPO asks for


class _Storages(TorchDispatchMode):  # type: ignore[misc]
    """Counts the bytes of all storages that are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()

    def add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._drop, key, storage.nbytes())

    def _drop(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for value in tree_iter(result):
            if isinstance(value, torch.Tensor):
                self.add(value)
        return result


def peak_of_step(
    config: PreTrainedConfig,
    *,
    dtype: torch.dtype,
    lora: dict[str, Any] | None,
    mixed: bool,
    checkpointing: bool,
    sequences: int,
    length: int,
    completion: int,
) -> int:
    """Return the most bytes of tensors that are alive in the second step of AdamW.

    The first step makes the optimizer's moments.

    Args:
        config: The model's `transformers` config.
        dtype: Type of the weights that are not trained; those that are trained are float32.
        lora: Keys of `peft.LoraConfig`; None trains all weights.
        mixed: Whether the arithmetic is bf16.
        checkpointing: Whether activations are computed again in the backward pass.
        sequences: Sequences per batch: two per pair.
        length: Tokens per sequence.
        completion: Those of them that are scored.
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
        body = model
        if lora is not None:
            from peft import LoraConfig, get_peft_model

            model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **lora))
    with FakeTensorMode(allow_non_fake_inputs=True):
        _make_fake(model)
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model.train()
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=1e-4, foreach=False)
        storages = _Storages()
        for tensor in (*model.parameters(), *model.buffers()):
            storages.add(tensor)
        with storages:
            for _ in range(2):
                tokens = torch.ones(sequences, length, dtype=torch.long)
                arithmetic = torch.autocast("cpu", torch.bfloat16) if mixed else _nothing()
                with arithmetic:
                    hidden = body.base_model(input_ids=tokens, use_cache=False).last_hidden_state
                    scored = hidden[:, -completion:].flatten(0, 1)
                    targets = tokens[:, -completion:].flatten()
                    weight = body.get_output_embeddings().weight
                    log_probs = ChunkedLogProbFunction.apply(
                        scored,
                        weight,
                        None,
                        targets,
                        1.0,
                        _CHUNKED_LOGPROB_CHUNK_SIZE,
                        None,
                        1.0,
                        _OUTPUTS,
                    )[0]
                log_probs.sum().backward()
                optimizer.step()
                optimizer.zero_grad()
                del hidden, scored, weight, log_probs
    return storages.peak


def _make_fake(model: Any) -> None:
    """Give a model on the device `meta` fake weights, those that are trained in float32."""
    made: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                kind = torch.float32 if weight.requires_grad else weight.dtype
                if id(weight) not in made:  # the embeddings and the head may be one
                    made[id(weight)] = torch.nn.Parameter(
                        torch.empty(weight.shape, dtype=kind), requires_grad=weight.requires_grad
                    )
                module._parameters[name] = made[id(weight)]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


@contextlib.contextmanager
def _nothing() -> Iterator[None]:
    yield
