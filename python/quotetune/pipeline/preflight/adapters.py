"""Check that adapters can be trained on the model, and sampled by the backend."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.models.size import tensor_shapes

# What changes the base model's own weights before training, so that the adapter is not all.
_CHANGE_THE_MODEL = ("pissa", "olora", "corda", "loftq")
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
HEADS = ("lm_head", "embed_out", "output")
_EMBEDDINGS = ("embed_tokens", "wte", "embed_in", *HEADS)


def adapter_problems(config: Config) -> list[Problem]:
    """Check the blocks `absorb.lora` and `lora`."""
    problems: list[Problem] = []
    shapes = matrix_shapes(Path(config.model.path))
    modules = None if shapes is None else list(shapes)
    absorbed = None if config.absorb is None else config.absorb.lora
    if isinstance(absorbed, dict):  # it is merged, so the backend does not see it
        problems += _numbers("absorb.lora", absorbed)
        problems += _targets("absorb.lora", absorbed, modules)
    if config.lora is not None:
        problems += _numbers("lora", config.lora)
        problems += _targets("lora", config.lora, modules)
        problems += _heads(config.lora)
        if samples_with_vllm(config):
            remedy = "leave it out, or set sampling.backend to transformers"
            for name, reason in vllm_refusals(config.lora):
                problems.append(Problem(f"lora.{name}", f"{reason}: {remedy}"))
    return problems


def samples_with_vllm(config: Config) -> bool:
    """Tell whether the policies of a run are sampled with vLLM on this machine."""
    backend = config.sampling.backend
    return backend == "vllm" or (backend == "auto" and find_spec("vllm") is not None)


def _numbers(block: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    rank, dropout = options.get("r", 8), options.get("lora_dropout", 0)
    if isinstance(rank, int) and rank < 1:
        yield Problem(f"{block}.r", f"is {rank}: set it to 1 or more")
    if isinstance(dropout, int | float) and not 0 <= dropout < 1:
        yield Problem(f"{block}.lora_dropout", f"is {dropout}: set it to 0 or more, below 1")


def _targets(
    block: str, options: Mapping[str, Any], modules: Sequence[str] | None
) -> Iterator[Problem]:
    """Yield the names of `target_modules` that match no module of the model, as PEFT matches."""
    targets = options.get("target_modules")
    if modules is None or targets is None or targets == "all-linear":
        return
    known = ", ".join(sorted({name.rpartition(".")[2] for name in modules}))
    if isinstance(targets, str):
        try:
            found = any(re.fullmatch(targets, name) for name in modules)
        except re.error as error:
            text = f"{targets!r} is no regular expression ({error}): correct it"
            yield Problem(f"{block}.target_modules", text)
            return
        wrong = [] if found else [targets]
    else:
        wrong = [
            target
            for target in targets
            if not any(name == target or name.endswith(f".{target}") for name in modules)
        ]
    for target in wrong:
        text = f"{target} matches no module of the model: choose from {known}"
        yield Problem(f"{block}.target_modules", text)


def _heads(options: Mapping[str, Any]) -> Iterator[Problem]:
    targets = options.get("target_modules")
    for name in targets if isinstance(targets, list) else [targets]:
        if name in HEADS:
            text = (
                f"{name} would not be trained, because DPO reads the head's own weights: remove it"
            )
            yield Problem("lora.target_modules", text)


def vllm_refusals(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of `peft.LoraConfig` with which vLLM cannot load an adapter, and why."""
    refused = [name for name in _NOT_ON_VLLM if options.get(name)]
    for name in [*refused, *(["bias"] if options.get("bias", "none") != "none" else [])]:
        yield name, "cannot be sampled by vLLM"
    start = options.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_CHANGE_THE_MODEL):
        reason = f"{start} changes the model's own weights, which vLLM does not see"
        yield "init_lora_weights", reason
    targets = options.get("target_modules")
    for name in targets if isinstance(targets, list) else []:
        if name in _EMBEDDINGS and name not in HEADS:
            yield "target_modules", f"{name} cannot be sampled by vLLM"


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
