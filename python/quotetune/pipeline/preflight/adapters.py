"""Check that adapters can be trained on the model, and sampled by the backend."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from quotetune.config import Config
from quotetune.config.absorb import is_whole
from quotetune.config.problem import Problem
from quotetune.errors import UsageError
from quotetune.models.files import MODEL_CONFIG
from quotetune.models.json_files import read_mapping
from quotetune.models.size import tensor_shapes
from quotetune.pipeline.preflight.lora import (
    EMBEDDINGS,
    HEADS,
    adapted_heads,
    changed_model,
    highest_rank,
    lora_value_problems,
    not_copied,
    target_names,
)
from quotetune.sampling.run import meant_backend
from quotetune.sampling.vllm import HIGHEST_RANK

_NOT_ON_VLLM = (
    "alora_invocation_tokens",
    "layer_replication",
    "lora_bias",
    "modules_to_save",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
)


def adapter_problems(config: Config) -> list[Problem]:
    """Check the blocks `absorb.lora` and `lora`."""
    problems: list[Problem] = []
    tensors = tensor_shapes(Path(config.model.path))
    modules = matrix_shapes(Path(config.model.path))
    if modules is not None and has_other_names(Path(config.model.path), modules):
        modules = None  # PEFT matches the names in memory
    absorbed = None if config.absorb is None else config.absorb.lora
    if isinstance(absorbed, dict):  # it is merged, so neither DPO nor the backend sees it
        problems += lora_value_problems("absorb.lora", absorbed, tensors, modules)
    if config.lora is not None:
        problems += lora_value_problems("lora", config.lora, tensors, modules)
        for name, reason in adapted_heads(config.lora):
            problems.append(Problem(f"lora.{name}", f"{reason}: remove it"))
        problems += _references(config)
        if samples_with_vllm(config):
            remedy = "leave it out, or set sampling.backend to transformers"
            for name, reason in vllm_refusals(config.lora):
                problems.append(Problem(f"lora.{name}", f"{reason}: {remedy}"))
            name, rank = highest_rank(config.lora)
            if rank > HIGHEST_RANK:
                text = f"is {rank:g}, and vLLM samples ranks up to {HIGHEST_RANK}: lower it, or set"
                problems.append(Problem(f"lora.{name}", f"{text} sampling.backend to transformers"))
    return problems


def trained_notices(config: Config) -> list[str]:
    """Return a line if all weights are trained, because `lora` may have been forgotten.

    Example:
        >>> content = {"run": "r", "index": "i", "model": {"path": "m"}, "prompts": {"path": "p"}}
        >>> trained_notices(Config.model_validate(content))
        ['all weights are trained, since lora is not set: set lora: {} to train an adapter']
        >>> trained_notices(Config.model_validate(content | {"lora": {}}))
        []
    """
    if config.lora is not None:
        return []
    reason = "lora is null" if "lora" in config.model_fields_set else "lora is not set"
    return [f"all weights are trained, since {reason}: set lora: {{}} to train an adapter"]


def _references(config: Config) -> Iterator[Problem]:
    """Yield the keys of `lora` with which DPO's reference model is not what the config says."""
    lora = config.lora or {}
    for name, reason in changed_model(lora):
        text = f"{reason}, but without its adapter it is DPO's reference: leave it out"
        yield Problem(f"lora.{name}", text)
    absorb = config.absorb
    later = config.rounds > 1 and config.reference == "previous"
    if later or (absorb is not None and not is_whole(absorb, lora)):
        why = "the later rounds continue" if later else "the first round continues"
        for name, reason in not_copied(lora):
            remedy = "leave it out" if not later else "leave it out, or set reference to base"
            text = f"{reason}, but {why} the adapter with a frozen copy as the reference: {remedy}"
            yield Problem(f"lora.{name}", text)


def samples_with_vllm(config: Config) -> bool:
    """Tell whether the policies of a run are sampled with vLLM on this machine."""
    return meant_backend(config.sampling.backend) == "vllm"


def vllm_refusals(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of `peft.LoraConfig` with which vLLM cannot load an adapter, and why."""
    refused = [name for name in _NOT_ON_VLLM if options.get(name)]
    for name in [*refused, *(["bias"] if options.get("bias", "none") != "none" else [])]:
        yield name, "cannot be sampled by vLLM"
    for name, reason in changed_model(options):
        if name not in refused:
            yield name, f"{reason}, which vLLM does not see"
    for name in target_names(options):
        if name in EMBEDDINGS and name not in HEADS:
            yield "target_modules", f"{name} cannot be sampled by vLLM"


def has_other_names(directory: Path, names: Collection[str]) -> bool:
    """Tell whether a model's layers have other names in its files than in memory.

    The parts of a model for text and pictures do, and layers in files without a prefix. The joined
    experts of a mixture are not meant.
    """
    try:
        return without_prefix(names) or "text_config" in read_mapping(directory / MODEL_CONFIG)
    except UsageError:
        return True  # `model_problems` says that it cannot be read


def without_prefix(names: Collection[str]) -> bool:
    """Tell whether files lack the first part of the names in memory, as those of GPT-2 do.

    Example:
        >>> without_prefix(["wte.weight", "h.0.attn.c_attn.weight"])
        True
        >>> without_prefix(["model.layers.0.mlp.up_proj.weight"])
        False
    """
    layers = [name.split(".") for name in names if re.search(r"\.\d+\.", name)]
    return bool(layers) and all(parts[1].isdigit() for parts in layers)


def matrix_shapes(directory: Path) -> dict[str, list[int]] | None:
    """Return the shapes of the modules that can have an adapter, those with a matrix, by name.

    None if the model is not a directory with safetensors.
    """
    shapes = tensor_shapes(directory)
    if shapes is None:
        return None
    return {
        name.removesuffix(".weight"): shape
        for name, shape in shapes.items()
        if name.endswith(".weight") and len(shape) > 1
    }
