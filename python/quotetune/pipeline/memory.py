"""The peak of memory of a training, from the sizes of a model and the settings alone.

Tests compare it with steps on fake tensors, and benchmarks/training_memory.py with real peaks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from quotetune.config import ModelConfig
from quotetune.models.adapter_settings import is_selected, rank_of
from quotetune.models.size import ModelSize
from quotetune.training.defaults import (
    arithmetic,
    default_lora_options,
    trains_model_weights,
    weights_dtype,
)

# What a process has without a model. On a CPU it was measured: the libraries and the heap. On a GPU
# it is that of CUDA and its libraries, which was not measured here.
CPU_PROCESS, GPU_PROCESS = 1.25e9, 1.0e9
# On a CPU the heap keeps what is freed, and has holes: peaks of 135M and 360M parameters, with 384
# and 2,560 tokens per batch, had the first share more than the tensors that are alive. A hole of a
# short batch does not fit a long one: three peaks of batches of different lengths had 1.7 to 2.5,
# the most after the most steps. The second share is between.
_HOLES_OF_THE_HEAP, _HOLES_OF_MIXED_LENGTHS = 1.45, 2.1
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# Bytes per trained parameter of an optimizer's state, by a part of its name; the first that fits.
_MOMENTS = {"4bit": 1, "8bit": 2, "adafactor": 0, "sgd": 0, "lomo": 0, "": 8}
# Bytes per number in NF4: 4 bits, a scale of 8 bits per 64 numbers, and one of 32 bits per 256 of
# those (Dettmers et al. 2023, section 3).
_NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
# TRL's head multiplies this many tokens by this many rows of the vocabulary at once; ours, which a
# CPU has for frozen heads, this many tokens by all of them.
_TRL_TILE, _TRL_ROWS, _OUR_TILE = 4096, 32768, 128


@dataclass(frozen=True)
class Training:
    """What the memory of a training depends on, besides the model.

    Attributes:
        options: Checked keys of the block `dpo` of a round, or of `absorb.sft`.
        lora: Checked keys of `peft.LoraConfig`, or an adapter's settings; None trains all weights.
        dtype: `model.dtype`.
        sequences: Sequences per batch: two per pair.
        length: Tokens of the longest ones, prompt included.
        on_gpu: Whether it runs on a GPU.
        fast_bf16: As for `arithmetic`.
        reference: Whether a reference model is in memory beside the policy.
        alike: Whether most batches are nearly as long as the longest one.
        quantization: `model.quantization`.
    """

    options: Mapping[str, Any]
    lora: Mapping[str, Any] | None
    dtype: Any
    sequences: int
    length: int
    on_gpu: bool
    fast_bf16: bool
    reference: bool = False
    alike: bool = True
    quantization: str | None = None

    @property
    def mixed(self) -> bool:
        """Whether the arithmetic is bf16 or fp16."""
        lora = None if self.lora is None else dict(self.lora)
        dtype = self.dtype if trains_model_weights(lora) else None
        chosen = arithmetic(self.options, dtype, accelerator=self.on_gpu, fast_bf16=self.fast_bf16)
        given = {name: self.options[name] for name in ("bf16", "fp16") if name in self.options}
        return any((chosen | given).values())


def training_peak(size: ModelSize, training: Training) -> float:
    """Return the most bytes that a training needs at once.

    A weight that is trained is float32 and has a gradient and two moments of the same size. bf16
    arithmetic keeps a copy of it from the forward pass until the backward pass has used it.

    Args:
        size: The size of the model.
        training: Its settings.
    """
    trained = trained_parameters(size, training.lora)
    frozen = 0.0 if training.lora is None else frozen_bytes(size, training)
    optimizer = str(training.options.get("optim", ""))
    moments = next(bytes_ for part, bytes_ in _MOMENTS.items() if part in optimizer)
    kept = frozen + (4 + moments) * trained + (4.0 * size.parameters * training.reference)
    gradients = 4.0 * trained
    step = _activations(size, training) + (2.0 * trained if training.mixed else 0.0)
    step += _head(size, training)
    if not training.on_gpu:
        # The heap gives nothing back between the end of the backward pass and the next step.
        return CPU_PROCESS + kept + gradients + step
    if int(training.options.get("gradient_accumulation_steps", 1)) > 1:
        return GPU_PROCESS + kept + gradients + step
    # The activations go as the gradients come.
    return GPU_PROCESS + kept + max(gradients, step)


def trained_parameters(size: ModelSize, lora: Mapping[str, Any] | None) -> int:
    """Return the number of parameters that a training changes.

    Args:
        size: The size of the model.
        lora: Keys of `peft.LoraConfig`; None trains all weights.
    """
    if lora is None:
        return size.parameters
    adapted = _adapted(size, lora)
    saved = tuple(lora.get("modules_to_save") or ())
    whole = sum(
        prod(shape)
        for name, shape in size.shapes.items()
        if saved and name.rpartition(".")[0].endswith(saved)
    )
    return whole + sum(rank * sum(size.linear_layers[name]) for name, rank in adapted.items())


def frozen_bytes(size: ModelSize, training: Training) -> float:
    """Return the bytes of the weights that an adapter is on, in the type of their arithmetic."""
    lora = None if training.lora is None else dict(training.lora)
    model = ModelConfig(path="model", dtype=training.dtype)
    dtype = weights_dtype(model, lora=lora, mixed=training.mixed)
    each = size.bytes / size.parameters if dtype == "auto" else float(_BYTES[dtype])
    return weights_bytes(size, each, training.quantization)


def weights_bytes(size: ModelSize, each: float, quantization: str | None) -> float:
    """Return the bytes of the weights of a model that only computes with them.

    Args:
        size: The size of the model.
        each: Bytes per weight without quantisation.
        quantization: `model.quantization`.
    """
    layers = [prod(shape) for shape in size.linear_layers.values()]
    if quantization is None or not layers:
        return each * size.parameters
    # One layer at a time is multiplied in the type of the arithmetic.
    return each * (size.parameters - sum(layers)) + _NF4 * sum(layers) + each * max(layers)


def _adapted(size: ModelSize, lora: Mapping[str, Any]) -> dict[str, int]:
    """Return the rank of each linear layer that an adapter adapts."""
    settings = {"r": 8, **default_lora_options(), **lora}
    return {
        name: int(rank_of(settings, name))
        for name in size.linear_layers
        if is_selected(settings, name)
    }


def _activations(size: ModelSize, training: Training) -> float:
    """Return the bytes that the blocks keep for the backward pass, and those of its largest one.

    The terms are those of a block of Llama under `transformers` and PEFT, counted on fake tensors
    of seven shapes: per token, the norms keep 8 bytes per hidden unit, and the attention its
    queries, keys, values and result, for all heads. An adapter keeps its inputs.
    """
    length, hidden, inner = training.length, size.hidden, size.inner
    adapted = {} if training.lora is None else _adapted(size, training.lora)
    layers = size.layers or 1
    block: float
    inputs = sum(size.linear_layers[name][1] for name in adapted) / layers
    ranks = sum(adapted.values()) / layers
    if training.mixed:
        block = 8 * size.queries + 8 * hidden + 6 * inner + 2 * length
        # All weights that are trained keep their inputs in bf16, and the norms theirs in float32.
        every = sum(shape[1] for shape in size.linear_layers.values()) / layers
        block += 2 * every + 6 * hidden if training.lora is None else 2 * inputs + 2 * ranks
        backward = 6 * inner + 12 * hidden
    else:
        block = 16 * size.queries + 8 * hidden + 12 * inner + 4 * length
        # Layers with the same input keep it once: those before the attention, those after it.
        shared = 8 * hidden + 4 * inner
        block += shared + 8 * hidden if training.lora is None else min(4 * inputs, shared)
        block += 4 * ranks
        backward = 8 * inner + 6 * hidden
    block += 4 * size.heads
    if training.lora is not None and training.lora.get("lora_dropout"):
        block += 4 * inputs
    tokens = training.sequences * length
    if training.options.get("gradient_checkpointing", training.on_gpu):
        # Only the input of each block is kept, and one block is computed again at a time.
        stream = 2 if training.mixed and _narrow(size, training) else 4
        kept = layers * stream * hidden + block
    else:
        kept = layers * block
    alive = float(tokens * (kept + backward))
    if training.on_gpu:
        return alive
    return alive * (_HOLES_OF_THE_HEAP if training.alike else _HOLES_OF_MIXED_LENGTHS)


def _narrow(size: ModelSize, training: Training) -> bool:
    """Tell whether the numbers between the blocks have two bytes, as the weights have."""
    return training.lora is not None and frozen_bytes(size, training) < 3 * size.parameters


def _head(size: ModelSize, training: Training) -> float:
    """Return the bytes of the logits that exist at once, and of the copies of the head."""
    if training.lora is not None and not training.on_gpu:
        return 4.0 * 4 * _OUR_TILE * size.vocabulary
    tokens = min(training.sequences * training.length, _TRL_TILE)
    tiles = 2 * 4.0 * tokens * min(size.vocabulary, _TRL_ROWS)
    # TRL collects the gradient of the head in float32 beside the one that it adds it to.
    return tiles + (4.0 * size.vocabulary * size.hidden if training.lora is None else 0.0)
