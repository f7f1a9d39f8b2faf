"""A base model whose linear layers are kept in 4 bits (`model.quantization`), or are stored so."""

import importlib.util
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.models.files import MODEL_CONFIG
from quotetune.models.json_files import known_settings, read_mapping

_STORED = "quantization_config"  # a key of config.json
_MAY_PACK = "support_avx512bf16_for_cpu"  # an attribute of `bitsandbytes.nn.Linear4bit`


def quantization_problem(model: ModelConfig) -> str | None:
    """Return why a model cannot be quantised here, and the remedy; None if it can."""
    if model.quantization is None:
        return None
    if importlib.util.find_spec("bitsandbytes") is None:
        return (
            f"{model.quantization} needs bitsandbytes, which is not installed: install"
            " quotetune[nf4], or leave it out"
        )
    if (stored := stored_quantization(Path(model.path))) is not None:
        return (
            f"is {model.quantization}, but the weights of {model.path} are stored quantised"
            f" ({stored}), and transformers would keep them so: leave it out, or name the model"
            " that they were made from"
        )
    return None


def stored_quantization(directory: Path) -> str | None:
    """Return the method by which the weights of a model are stored quantised.

    Args:
        directory: The directory of the model's config.

    Returns:
        Its name, such as `gptq`; None if they are not, or the config cannot be read.
    """
    try:
        settings = read_mapping(directory / MODEL_CONFIG)
    except UsageError:
        return None
    found = settings.get(_STORED) or known_settings(directory).get(_STORED)
    if not found:
        return None
    return str(found.get("quant_method", "unnamed") if isinstance(found, dict) else found)


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
