"""The types of numbers that this machine multiplies fast."""

from quotetune.config import ModelConfig


def has_fast_bf16() -> bool:
    """Tell whether this machine multiplies bf16 numbers faster than float32 ones."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return not torch.accelerator.is_available() and bool(torch.cpu._is_amx_tile_supported())


def measuring_dtype(model: ModelConfig) -> str:
    """Return the type in which a model is loaded to measure with it.

    `model.dtype` decides. If that is `auto`, it is the type of the stored weights, or float32 where
    bf16 is slow.
    """
    return "float32" if model.dtype == "auto" and not has_fast_bf16() else model.dtype
