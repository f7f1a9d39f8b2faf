"""Defaults for the keys that the blocks `dpo:`, `absorb.sft:` and `lora:` do not set."""

import os
from collections.abc import Mapping
from typing import Any

from quotetune.config import ModelConfig
from quotetune.models.precision import has_fast_bf16
from quotetune.training.processes import here


def default_dpo_options(
    options: dict[str, Any], *, lora: bool, dtype: str | None = None
) -> dict[str, Any]:
    """Return the defaults that differ from TRL's, for this machine.

    On a CPU without AMX tiles bf16 products take 1.9 times as long as float32 ones (measured with
    oneDNN on AVX-512), so bf16 is only used on GPUs and with AMX. A small batch wastes less on
    padding, and on a CPU it costs nothing. The log-probs of the reference model are computed once
    instead of in every epoch. With FSDP and an adapter they are not: TRL 1.16 would compute them
    on the model as it is before FSDP has it, on the CPU, from batches on the GPU (trl issue 6470).

    Args:
        options: The config's `dpo:` block.
        lora: Whether an adapter is trained, and not all weights.
        dtype: As for `default_sft_options`.
    """
    once = not options.get("sync_ref_model", False) and not (lora and uses_fsdp(options))
    precompute = {"precompute_ref_log_probs": once}
    return default_sft_options(options, lora=lora, dtype=dtype) | precompute


def uses_fsdp(options: Mapping[str, Any]) -> bool:
    """Tell whether FSDP shards the model: by the options, or by the launcher of this process."""
    launched = os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in ("1", "true", "yes")
    processes = here()
    shards = processes is not None and processes.kind == "fsdp2"
    return bool(options.get("fsdp")) or launched or shards


def default_sft_options(
    options: dict[str, Any], *, lora: bool, dtype: str | None = None
) -> dict[str, Any]:
    """Return the defaults that differ from TRL's for a training without a reference model.

    Args:
        options: The config's `dpo:` or `absorb.sft:` block.
        lora: Whether an adapter is trained, and not all weights.
        dtype: What decides about the arithmetic if weights of the model itself are trained, which
            are float32: its `model.dtype`. None and `auto` take what this machine computes fast.
    """
    import torch

    accelerator = torch.accelerator.is_available()
    defaults: dict[str, Any] = {
        **arithmetic(options, dtype, accelerator=accelerator, fast_bf16=has_fast_bf16()),
        "logging_steps": 1,
        "save_steps": 0.1 if lora else 0.25,
        "save_total_limit": 1,
        "train_sampling_strategy": "group_by_length",
    }
    if not accelerator:
        defaults |= {
            "use_cpu": True,
            "gradient_checkpointing": False,
            "dataloader_pin_memory": False,
        }
        batch = {"per_device_train_batch_size", "gradient_accumulation_steps"}
        if not batch & options.keys():
            defaults |= {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    return defaults


def arithmetic(
    options: Mapping[str, Any], dtype: str | None, *, accelerator: bool, fast_bf16: bool
) -> dict[str, bool]:
    """Return the arithmetic of a training whose options may leave it open.

    Args:
        options: The config's `dpo:` or `absorb.sft:` block.
        dtype: As for `default_sft_options`.
        accelerator: Whether there is a GPU.
        fast_bf16: Whether this machine multiplies bf16 numbers faster than float32 ones.

    Example:
        >>> arithmetic({}, "bfloat16", accelerator=False, fast_bf16=False)
        {'bf16': True}
        >>> arithmetic({}, "float16", accelerator=True, fast_bf16=True)
        {'bf16': False, 'fp16': True}
    """
    bf16 = fast_bf16 if dtype in (None, "auto", "bfloat16") else False
    if dtype == "bfloat16" and not accelerator:
        bf16 = True
    chosen = {"bf16": bf16 and not options.get("fp16", False)}
    # accelerate computes in fp16 on accelerators alone. A CPU computes in float32 instead.
    if dtype == "float16" and accelerator and not options.get("bf16", False):
        chosen["fp16"] = True
    return chosen


def trains_model_weights(lora: dict[str, Any] | None) -> bool:
    """Tell whether weights of the model itself are trained, and not only those of an adapter.

    Args:
        lora: Keys of `peft.LoraConfig`; None trains all weights.

    Example:
        >>> trains_model_weights({"r": 8}), trains_model_weights({"modules_to_save": ["lm_head"]})
        (False, True)
    """
    if lora is None:
        return True
    return bool(lora.get("modules_to_save")) or lora.get("bias", "none") != "none"


def default_lora_options() -> dict[str, Any]:
    """Return the defaults that differ from PEFT's: all linear layers are adapted."""
    return {"task_type": "CAUSAL_LM", "target_modules": "all-linear"}


def weights_dtype(model: ModelConfig, *, lora: dict[str, Any] | None, mixed: bool) -> str:
    """Return the type to load weights in.

    Weights that are trained are float32, whatever `model.dtype` says. At a learning rate of 5e-7 a
    step of AdamW is smaller than half the distance of two bf16 numbers, and would be rounded away.
    Frozen weights are loaded in `model.dtype`. If that is `auto`, they are loaded in float32 if the
    arithmetic is, and otherwise in the type in which they are stored.

    Args:
        model: The model.
        lora: Keys of `peft.LoraConfig`; None trains all weights.
        mixed: Whether the arithmetic is bf16 or fp16.

    Example:
        >>> weights_dtype(ModelConfig(path="m"), lora={}, mixed=True)
        'auto'
        >>> weights_dtype(ModelConfig(path="m", dtype="bfloat16"), lora={}, mixed=True)
        'bfloat16'
        >>> weights_dtype(ModelConfig(path="m", dtype="bfloat16"), lora=None, mixed=True)
        'float32'
    """
    # Without mixed arithmetic, float32 and bf16 weights of one model cannot be multiplied.
    if lora is None or (trains_model_weights(lora) and not mixed):
        return "float32"
    if model.dtype != "auto":
        return model.dtype
    return "auto" if mixed else "float32"
