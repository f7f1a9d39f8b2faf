"""Whether the settings of a LoRA adapter fit its weights.

PEFT makes the adapter from the settings alone, and drops the weights that it has no place for. Its
rules are repeated here, so that nothing has to be loaded.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

# With these, the names in the settings are not those of the modules that have the weights.
_RENAMING = ("target_parameters", "layer_replication")
_DIRECTION = ".lora_magnitude_vector"  # of DoRA


def setting_problems(
    settings: Mapping[str, Any], ranks: Mapping[str, int], names: Collection[str]
) -> Iterator[str]:
    """Yield what does not fit, first the settings that are wrong with any weights.

    Args:
        settings: The content of `adapter_config.json`.
        ranks: The rank of each adapted module's weights, by its name in the model.
        names: The names of all weights, as they start in the model.
    """
    alpha = settings.get("lora_alpha", 8)
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or alpha == 0:
        yield f"lora_alpha is {alpha}, with which it has no effect: correct it"
    kind = settings.get("task_type") or "CAUSAL_LM"
    if kind != "CAUSAL_LM":
        yield f"task_type is {kind}, and a run trains CAUSAL_LM: give another adapter"
    try:
        yield from _unfit(settings, ranks, names)
    except (re.error, TypeError, AttributeError, ValueError) as error:
        yield f"its names of modules cannot be matched ({error}): save the adapter again"


def _unfit(
    settings: Mapping[str, Any], ranks: Mapping[str, int], names: Collection[str]
) -> Iterator[str]:
    if any(settings.get(name) for name in _RENAMING):
        return
    for module in ranks:
        if not is_selected(settings, module):
            text = f"{module} has weights, but target_modules and what limits it leave it out"
            yield f"{text}: correct them"
            break
    for module, rank in ranks.items():
        if rank != (expected := rank_of(settings, module)):
            text = f"the weights of {module} have rank {rank}, but r and rank_pattern say"
            yield f"{text} {expected}: correct them"
            break
    directed = {name.partition(_DIRECTION)[0] for name in names if _DIRECTION in name}
    if settings.get("use_dora") and (without := sorted(ranks.keys() - directed)):
        yield f"use_dora is true, but {without[0]} has no lora_magnitude_vector: correct it"
    elif directed and not settings.get("use_dora"):
        yield f"{min(directed)} has a lora_magnitude_vector, but use_dora is not true: correct it"


def is_selected(settings: Mapping[str, Any], module: str) -> bool:
    """Tell whether the settings adapt a module, as PEFT matches names.

    Example:
        >>> is_selected({"target_modules": ["q_proj"]}, "model.layers.0.self_attn.q_proj")
        True
        >>> is_selected({"target_modules": "q_proj"}, "model.layers.0.self_attn.q_proj")
        False
    """
    if matches(settings.get("exclude_modules") or [], module):
        return False
    for name in settings.get("modules_to_save") or []:
        if re.match(rf"(^|.*\.){name}($|\..*)", module):
            return False
    targets = settings.get("target_modules")
    if targets in (None, "all-linear"):
        return True  # which only PEFT knows
    if not matches(targets, module):
        return False
    layers = settings.get("layers_to_transform")
    if isinstance(targets, str) or module in targets or layers in (None, []):
        return True
    patterns = settings.get("layers_pattern") or [r"[^.]*"]
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        if match := re.match(rf"(?:^|.*?\.){pattern}\.(\d+)\.", module):
            return int(match[1]) in ([layers] if isinstance(layers, int) else layers)
    return False


def matches(given: str | Collection[str], module: str) -> bool:
    """Tell whether a regular expression, or one of some names, selects a module, as in PEFT.

    Raises:
        re.error: The text is not a regular expression.
    """
    if isinstance(given, str):
        return re.fullmatch(given, module) is not None
    return any(module == name or module.endswith(f".{name}") for name in given)


def is_pattern_of(pattern: str, module: str) -> bool:
    """Tell whether a key of `rank_pattern` or `alpha_pattern` is of a module, as in PEFT.

    Raises:
        re.error: The key is not a regular expression.
    """
    return re.match(rf"(.*\.)?({pattern})$", module) is not None


def rank_of(settings: Mapping[str, Any], module: str) -> Any:
    """Return the rank that the settings give a module, as PEFT finds it."""
    for pattern, rank in (settings.get("rank_pattern") or {}).items():
        if is_pattern_of(pattern, module):
            return rank
    return settings["r"]
