"""The values of PEFT's settings with which an adapter is not what a run takes it for.

PEFT refuses some of them when the model is loaded. With others it trains nothing, or the model
without its adapter is not the base model, which DPO takes for the reference. Tests compare these
rules with the installed PEFT.
"""

import importlib.util
import re
from collections.abc import Iterator, Mapping
from typing import Any

from quotetune.config.problem import Problem
from quotetune.models.adapter_settings import is_pattern_of, matches
from quotetune.pipeline.preflight.values import Range, as_number

HEADS = ("lm_head", "embed_out", "output")
EMBEDDINGS = ("embed_tokens", "wte", "embed_in", *HEADS)
# What changes the base model's own weights before training, so that the adapter is not all.
_CHANGE_THE_MODEL = ("pissa", "olora")
_PREPARED = ("corda", "eva", "lora_ga")
_ALL_LINEAR = "all-linear"
# With an alpha of 0, an adapter has no effect.
_RANGES = {
    "r": Range(least=1),
    "lora_alpha": Range(above=0),
    "lora_dropout": Range(least=0, below=1),
}
# The values of a pattern, which stand for those of r and lora_alpha: their type, in words, too.
_PATTERNS: dict[str, tuple[Any, str, Range]] = {
    "rank_pattern": (int, "a whole number", _RANGES["r"]),
    "alpha_pattern": (int | float, "a number", _RANGES["lora_alpha"]),
}

Shapes = Mapping[str, list[int]]


def lora_value_problems(
    block: str, options: Mapping[str, Any], tensors: Shapes | None, modules: Shapes | None
) -> Iterator[Problem]:
    """Yield the problems of `lora` or `absorb.lora`.

    Args:
        block: The key of the block.
        options: Its content.
        tensors: The shapes of the model's tensors, by their names; None if they are not known.
        modules: Those of the matrices, by the names of their modules; None if these are not known.
    """
    yield from _numbers(block, options)
    yield from _start(block, options)
    kind = options.get("task_type") or "CAUSAL_LM"
    if kind != "CAUSAL_LM":
        yield Problem(f"{block}.task_type", f"is {kind}, and a run trains CAUSAL_LM: leave it out")
    if options.get("megatron_config") and importlib.util.find_spec("megatron") is None:
        text = "needs megatron-core, which is not installed: install it, or leave it out"
        yield Problem(f"{block}.megatron_config", text)
    if options.get("target_modules") == [] and not options.get("target_parameters"):
        text = "is empty, so nothing is trained: name modules, or leave it out"
        yield Problem(f"{block}.target_modules", text)
    elif modules is not None:
        yield from _targets(block, options, modules)
    if tensors is not None:
        named = modules is not None
        if named:
            yield from _saved(block, options, tensors)
            yield from _parameters(block, options, tensors)
        yield from _tokens(block, options, tensors, named=named)


def target_names(options: Mapping[str, Any]) -> list[str]:
    """Return the last parts of the names in `target_modules`; an expression is taken as a name.

    Example:
        >>> target_names({"target_modules": ["q_proj", "model.embed_tokens"]})
        ['q_proj', 'embed_tokens']
    """
    targets = options.get("target_modules") or []
    names = [targets] if isinstance(targets, str) else targets
    return [name.rpartition(".")[2] for name in names]


def adapted_heads(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key with which DPO would not train a part of the adapter, and why."""
    for name in target_names(options):
        if name in HEADS:
            text = f"{name} would not be trained, because DPO reads the head's own weights"
            yield "target_modules", text


def changed_model(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys with which the model without its adapter is not the base model, and why."""
    start = options.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_CHANGE_THE_MODEL):
        yield "init_lora_weights", f"{start} changes the model's own weights"
    for name in ("kasa_config", "layer_replication"):
        if options.get(name) is not None:
            yield name, "changes the model itself"


def not_copied(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of an adapter that TRL cannot freeze a copy of, and why.

    The copy is the reference of a training that continues the adapter. TRL copies the parameters
    with `.default.` in their names, and the names of these end with `.default`.
    """
    if options.get("bias", "none") != "none":
        yield "bias", f"{options['bias']} trains biases, of which a model has one set only"
    if options.get("trainable_token_indices"):
        yield "trainable_token_indices", "trains tokens that are not copied into the reference"
    for name in target_names(options):
        if name in EMBEDDINGS and name not in HEADS:
            yield "target_modules", f"{name} is adapted, which is not copied into the reference"


def highest_rank(options: Mapping[str, Any]) -> tuple[str, float]:
    """Return the highest rank of an adapter, and the key that it is from."""
    ranks = [("r", as_number(options.get("r", 8)) or 0)]
    pattern = options.get("rank_pattern")
    if isinstance(pattern, Mapping):
        ranks += [("rank_pattern", as_number(rank) or 0) for rank in pattern.values()]
    return max(ranks, key=lambda named: named[1])


def _numbers(block: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    for name, allowed in _RANGES.items():
        number = as_number(options.get(name))
        if number is not None and not allowed.contains(number):
            yield Problem(f"{block}.{name}", f"is {options[name]}: {allowed.remedy}")
    for name, (kind, words, allowed) in _PATTERNS.items():
        pattern = options.get(name)
        for module, value in pattern.items() if isinstance(pattern, Mapping) else ():
            fits = isinstance(value, kind) and not isinstance(value, bool)
            if not fits or not allowed.contains(value):
                what = "" if fits else f", which is not {words}"
                text = f"{module} is {value!r}{what}: {allowed.remedy}"
                yield Problem(f"{block}.{name}", text)


def _start(block: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    start, key = options.get("init_lora_weights"), f"{block}.init_lora_weights"
    if not isinstance(start, str):
        return
    if start.lower() in _PREPARED:
        text = f"{start} needs a preparation on data, which a run does not do: choose another"
        yield Problem(key, text)
    elif start == "loftq":
        yield Problem(key, "loftq is for a quantised model, and a run has none: choose another")
    elif "[" in start:
        yield Problem(key, f"{start} stands for a name: write it as in pissa_niter_16")
    elif start == "orthogonal" and (as_number(options.get("r", 8)) or 0) % 2:
        text = f"orthogonal needs an even rank, and {block}.r is {options['r']}: change one of them"
        yield Problem(key, text)


def _targets(block: str, options: Mapping[str, Any], modules: Shapes) -> Iterator[Problem]:
    """Yield the names that match no module of the model, as PEFT matches."""
    known = ", ".join(sorted({name.rpartition(".")[2] for name in modules}))
    found = {name for name in modules if name.rpartition(".")[2] not in EMBEDDINGS}
    problems: list[Problem] = []
    targets = options.get("target_modules")
    if targets and targets != _ALL_LINEAR:
        found, problems = _matching(f"{block}.target_modules", targets, modules, known)
    excluded: set[str] = set()
    if options.get("exclude_modules"):
        key = f"{block}.exclude_modules"
        excluded, wrong = _matching(key, options["exclude_modules"], modules, known)
        problems += wrong
        if not problems and not found - excluded and not options.get("target_parameters"):
            text = "leaves no module to adapt: name fewer modules, or leave it out"
            problems.append(Problem(key, text))
    if not problems:
        problems += _layers(block, options, found - excluded)
    if not problems and targets != []:
        for name in ("rank_pattern", "alpha_pattern"):
            problems += _patterns(f"{block}.{name}", options.get(name), found - excluded)
    yield from problems


def _matching(key: str, given: Any, modules: Shapes, known: str) -> tuple[set[str], list[Problem]]:
    """Return the modules that names, or a regular expression, match."""
    found, wrong = set(), []
    for name in [given] if isinstance(given, str) else given:
        try:
            selector = given if isinstance(given, str) else [name]
            here = {module for module in modules if matches(selector, module)}
        except re.error as error:
            return set(), [
                Problem(key, f"{given!r} is not a regular expression ({error}): correct it")
            ]
        found |= here
        if not here:
            text = f"{name} matches no module of the model: choose from {known}"
            wrong.append(Problem(key, text))
    return found, wrong


def _layers(block: str, options: Mapping[str, Any], adapted: set[str]) -> Iterator[Problem]:
    given, patterns = options.get("layers_to_transform"), options.get("layers_pattern")
    if given is None or given == []:
        return
    patterns = [patterns] if isinstance(patterns, str) else patterns or [r"[^.]*"]
    numbers = {
        int(match[1])
        for module in adapted
        for pattern in patterns
        if (match := re.match(rf".*\.{pattern}\.(\d+)\.", module)) is not None
    }
    if not numbers:
        name = "layers_pattern" if options.get("layers_pattern") else "layers_to_transform"
        yield Problem(
            f"{block}.{name}", "matches no layer of the model: correct it, or leave it out"
        )
        return
    for layer in [given] if isinstance(given, int) else given:
        if layer not in numbers:
            text = f"{layer} is not an adapted layer of the model: choose from {_spans(numbers)}"
            yield Problem(f"{block}.layers_to_transform", text)


def _spans(numbers: set[int]) -> str:
    if len(numbers) == max(numbers) - min(numbers) + 1:
        return f"{min(numbers)} to {max(numbers)}"
    return ", ".join(map(str, sorted(numbers)))


def _patterns(key: str, pattern: Any, adapted: set[str]) -> Iterator[Problem]:
    for name in pattern if isinstance(pattern, Mapping) else ():
        try:
            has_module = any(is_pattern_of(name, module) for module in adapted)
        except re.error as error:
            text = f"{name!r} is not a regular expression ({error}): correct it"
            yield Problem(key, text)
            continue
        if not has_module:
            known = ", ".join(sorted({module.rpartition(".")[2] for module in adapted}))
            yield Problem(key, f"{name} matches no adapted module: choose from {known}")


def _saved(block: str, options: Mapping[str, Any], tensors: Shapes) -> Iterator[Problem]:
    """Yield the modules that are to be trained whole and that the model does not have."""
    parts = [name.split(".") for name in tensors]
    modules = {".".join(one[:count]) for one in parts for count in range(1, len(one))}
    for name in options.get("modules_to_save") or []:
        if name not in HEADS and not any(module.endswith(name) for module in modules):
            known = ", ".join(
                sorted({module.rpartition(".")[2] for module in modules if module[-1].isalpha()})
            )
            text = f"{name} matches no module of the model: choose from {known}"
            yield Problem(f"{block}.modules_to_save", text)


def _parameters(block: str, options: Mapping[str, Any], tensors: Shapes) -> Iterator[Problem]:
    """Yield the names in `target_parameters` that the model does not have.

    Those of experts are not in the files, where the matrices are not joined yet.
    """
    if any("expert" in name for name in tensors):
        return
    for name in options.get("target_parameters") or []:
        found = any(matches([name], tensor) for tensor in tensors)
        if name.split(".")[0] not in HEADS and not found:
            text = f"{name} matches no parameter of the model: correct it, or leave it out"
            yield Problem(f"{block}.target_parameters", text)


def _tokens(
    block: str, options: Mapping[str, Any], tensors: Shapes, *, named: bool
) -> Iterator[Problem]:
    given = options.get("trainable_token_indices")
    key = f"{block}.trainable_token_indices"
    for module, tokens in (given if isinstance(given, Mapping) else {None: given or []}).items():
        names = EMBEDDINGS if module is None else (module,)
        rows = [
            shape[0]
            for tensor, shape in tensors.items()
            if len(shape) == 2 and tensor.removesuffix(".weight").endswith(names)
        ]
        if not rows:
            if named and module is not None and module not in HEADS:
                yield Problem(key, f"{module} matches no matrix of the model: correct the name")
            continue
        for token in tokens if isinstance(tokens, list) else []:
            if isinstance(token, int) and not 0 <= token < max(rows):
                text = f"{token} is not a token, of which there are {max(rows)}: choose another"
                yield Problem(key, text)
