"""Defaults for the keys that the blocks `dpo:`, `absorb.sft:` and `lora:` do not set."""

from typing import Any

from quotetune.config import ModelConfig
from quotetune.models.precision import has_fast_bf16


def default_dpo_options(options: dict[str, Any], *, lora: bool) -> dict[str, Any]:
    """Return the defaults that differ from TRL's, for this machine.

    On a CPU without AMX tiles bf16 products take 1.9 times as long as float32 ones (measured with
    oneDNN on AVX-512), so bf16 is only used on GPUs and with AMX. A small batch wastes less on
    padding, and on a CPU it costs nothing. The log-probs of the reference model are computed once
    instead of in every epoch.

    Args:
        options: The config's `dpo:` block.
        lora: Whether an adapter is trained, and not all weights.
    """
    precompute = {"precompute_ref_log_probs": not options.get("sync_ref_model", False)}
    return default_sft_options(options, lora=lora) | precompute


def default_sft_options(options: dict[str, Any], *, lora: bool) -> dict[str, Any]:
    """Return the defaults that differ from TRL's for a training without a reference model.

    Args:
        options: The config's `dpo:` or `absorb.sft:` block.
        lora: Whether an adapter is trained, and not all weights.
    """
    import torch

    defaults: dict[str, Any] = {
        "bf16": not options.get("fp16", False) and has_fast_bf16(),
        "logging_steps": 1,
        "save_steps": 0.1 if lora else 0.25,
        "save_total_limit": 1,
        "train_sampling_strategy": "group_by_length",
    }
    if not torch.accelerator.is_available():
        defaults |= {
            "use_cpu": True,
            "gradient_checkpointing": False,
            "dataloader_pin_memory": False,
        }
        batch = {"per_device_train_batch_size", "gradient_accumulation_steps"}
        if not batch & options.keys():
            defaults |= {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    return defaults


def default_lora_options() -> dict[str, Any]:
    """Return the defaults that differ from PEFT's: all linear layers are adapted."""
    return {"task_type": "CAUSAL_LM", "target_modules": "all-linear"}


def weights_dtype(model: ModelConfig, *, lora: bool, mixed: bool) -> str:
    """Return the type to load weights in.

    `model.dtype` decides. If that is `auto`, weights that are trained, or that are used in float32
    arithmetic, are loaded in float32, and others in the type in which they are stored.

    Args:
        model: The model.
        lora: Whether an adapter is trained, and not all weights.
        mixed: Whether the arithmetic is bf16 or fp16.

    Example:
        >>> weights_dtype(ModelConfig(path="m"), lora=True, mixed=True)
        'auto'
        >>> weights_dtype(ModelConfig(path="m"), lora=False, mixed=True)
        'float32'
        >>> weights_dtype(ModelConfig(path="m", dtype="bfloat16"), lora=False, mixed=True)
        'bfloat16'
    """
    if model.dtype != "auto":
        return model.dtype
    return "auto" if lora and mixed else "float32"
