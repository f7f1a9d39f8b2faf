"""A base model whose linear layers are kept in 4 bits (`model.quantization`)."""

import importlib.util
from typing import Any

from quotetune.config import ModelConfig

_MAY_PACK = "support_avx512bf16_for_cpu"  # an attribute of `bitsandbytes.nn.Linear4bit`


def quantization_problem(model: ModelConfig) -> str | None:
    """Return why a model cannot be quantised here, and the remedy; None if it can."""
    if model.quantization is not None and importlib.util.find_spec("bitsandbytes") is None:
        return (
            f"{model.quantization} needs bitsandbytes, which is not installed: install"
            " quotetune[nf4], or leave it out"
        )
    return None


def quantization_settings(model: ModelConfig, dtype: str) -> dict[str, Any]:
    """Return the arguments of `from_pretrained` that quantise a model while it is loaded.

    The layers have the type NF4, whose scales are quantised, too (Dettmers et al. 2023, section 3).

    Args:
        model: The model.
        dtype: Type of the arithmetic; with `auto` it is that of the stored weights.
    """
    if model.quantization is None:
        return {}
    import torch
    from transformers import AutoConfig, BitsAndBytesConfig

    if dtype == "auto":
        source = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
        arithmetic = AutoConfig.from_pretrained(model.path, **source).dtype or torch.float32
    else:
        arithmetic = getattr(torch, dtype)
    settings = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=arithmetic,
    )
    return {"quantization_config": settings}


def keep_differentiable(model: Any) -> None:
    """Keep the layers of a quantised model in the layout that has gradients.

    On a CPU with bf16 instructions, bitsandbytes packs a layer anew the first time that it is used
    without gradients, as for the log-probs of the reference model. No gradient passes a packed
    layer, and bitsandbytes only warns.

    Args:
        model: A model that is to be trained, quantised or not.
    """
    for module in model.modules():
        if hasattr(module, _MAY_PACK):
            setattr(module, _MAY_PACK, False)
