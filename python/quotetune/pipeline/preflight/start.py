"""Check the adapter with which a run starts, `model.adapter`."""

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.errors import UsageError
from quotetune.models.adapter import LoraAdapter, read_adapter
from quotetune.models.adapter_settings import is_selected, matches
from quotetune.models.chat_template import read_chat_template
from quotetune.pipeline.preflight.adapters import (
    has_other_names,
    matrix_shapes,
    samples_with_vllm,
    vllm_refusals,
    without_prefix,
)
from quotetune.pipeline.preflight.lora import HEADS, adapted_heads, changed_model, not_copied
from quotetune.sampling.vllm import supported_rank

_KEY = "model.adapter"
_MERGE = "merge the adapter into the model, and give that as model.path"
_FIRST = "<the model's name>"  # what files without the first part of all names lack
# Keys of a saved adapter that do not say how it is trained.
_NOT_OF_TRAINING = ("base_model_name_or_path", "inference_mode")


def start_problems(config: Config) -> list[Problem]:
    """Check that the adapter belongs to the model, and can be trained and sampled."""
    directory = config.model.adapter
    if directory is None:
        return []
    try:
        adapter = read_adapter(directory)
    except UsageError as error:
        return [Problem(_KEY, str(error), to_provide=not directory.exists())]
    model = Path(config.model.path)
    shapes = matrix_shapes(model)
    renamed = shapes is not None and has_other_names(model, shapes)
    return [
        *_misfits(directory, adapter, shapes, model),
        *_heads(directory, adapter),
        *_not_copied(directory, adapter),
        *(_vllm(directory, adapter) if samples_with_vllm(config) else ()),
        *_contradictions(config.lora or {}, adapter, None if renamed else shapes),
    ]


def start_notices(config: Config) -> list[str]:
    """Say with which adapter a run starts, and what the user may not expect of it.

    Nothing is said of an adapter that cannot be read, which is a problem.
    """
    directory = config.model.adapter
    if directory is None:
        return []
    try:
        adapter = read_adapter(directory)
    except UsageError:
        return []
    made_for = adapter.settings.get("base_model_name_or_path")
    lines = [
        f"{_KEY}: rank {adapter.rank}, alpha {adapter.settings.get('lora_alpha')}, on"
        f" {', '.join(adapter.module_names)}{f', made for {made_for}' if made_for else ''}: the"
        " rounds train it further, with its own settings"
    ]
    template = _template(directory)
    other = template not in (None, _template(Path(config.model.path)))
    if config.prompts.format == "chat" and other:
        lines.append(
            f"{_KEY}: has another chat template than the model, and prompts get the model's: if the"
            f" adapter was trained with its own, put that beside {config.model.path}"
        )
    return lines


def _template(directory: Path) -> str | None:
    try:
        return read_chat_template(directory)
    except UsageError:
        return None


def _misfits(
    directory: Path, adapter: LoraAdapter, shapes: Mapping[str, list[int]] | None, model: Path
) -> Iterator[Problem]:
    """Yield a problem if a module of the adapter is not in the model, or has another shape.

    Some models have other names in their files than in memory: models for text and pictures,
    mixtures of experts, whose matrices are joined, and those like GPT-2, whose files lack the first
    part of all names.
    """
    renamed = adapter.settings.get("target_parameters") or adapter.settings.get("layer_replication")
    if shapes is None or renamed:
        return
    known: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for name, shape in shapes.items():
        known.setdefault(_place(name), {})[name] = sorted(shape)
    bare = without_prefix(shapes)
    has_parts = not bare and has_other_names(model, shapes)
    has_experts = any("expert" in name for name in shapes)
    wrong = []
    for name, shape in adapter.modules.items():
        found = known.get(_place(name), {})
        ours = name.partition(".")[2] if bare else name
        if name.rpartition(".")[2] in HEADS:
            continue  # tied to the embeddings, it is not in the files
        if not found:
            wrong.append(f"{name}, which the model does not have")
        elif ours not in found and not (
            has_parts or (has_experts and any(_start(name) == _start(one) for one in found))
        ):
            theirs = f"{_FIRST}.{next(iter(found))}" if bare else next(iter(found))
            wrong.append(f"{name}, and the model's module is named {theirs}")
            continue
        found = {ours: found[ours]} if ours in found else found
        sizes = list(found.values())
        if sizes and shape not in sizes and all(len(one) == 2 and 1 not in one for one in sizes):
            text = " x ".join(map(str, sizes[0]))
            wrong.append(
                f"{name} for {' x '.join(map(str, shape))} weights, and the model's are {text}"
            )
    # Without their weights, PEFT starts with random ones.
    lacking = [] if has_parts or has_experts else sorted(_lacking(adapter, shapes, bare=bare))
    if lacking and not wrong:
        text = (
            f"{directory}: has no weights for {lacking[0]}, which its target_modules name: correct"
            " them, or save the adapter again"
        )
        yield Problem(_KEY, text)
    if wrong:
        text = (
            f"{directory}: adapts {wrong[0]} ({len(wrong)} of {len(adapter.modules)} modules): give"
            " an adapter of this model, or correct model.path"
        )
        yield Problem(_KEY, text)


def _lacking(adapter: LoraAdapter, shapes: Mapping[str, list[int]], *, bare: bool) -> Iterator[str]:
    """Yield the modules of the model that the settings adapt, and that have no weights."""
    if not adapter.settings.get("target_modules"):
        return
    given = {name.partition(".")[2] for name in adapter.modules} if bare else adapter.modules
    base = next(iter(adapter.modules)).partition(".")[0]
    for name in shapes:
        if name not in given and is_selected(adapter.settings, f"{base}.{name}" if bare else name):
            yield name


def _place(module: str) -> tuple[str, ...]:
    """Return the numbers in a module's name and its last part.

    Example:
        >>> _place("model.layers.0.self_attn.q_proj")
        ('0', 'q_proj')
    """
    parts = module.split(".")
    return (*filter(str.isdigit, parts), parts[-1])


def _start(module: str) -> list[str]:
    """Return the parts of a module's name before the first number.

    Example:
        >>> _start("model.layers.0.self_attn.q_proj")
        ['model', 'layers']
    """
    return list(takewhile(lambda part: not part.isdigit(), module.split(".")))


def _options(adapter: LoraAdapter) -> dict[str, Any]:
    """Return the settings of an adapter, with the modules that its weights adapt."""
    return adapter.settings | {"target_modules": adapter.module_names}


def _heads(directory: Path, adapter: LoraAdapter) -> Iterator[Problem]:
    for name, reason in adapted_heads(_options(adapter)):
        yield Problem(_KEY, f"{directory}: {name}: {reason}: {_MERGE}")


def _not_copied(directory: Path, adapter: LoraAdapter) -> Iterator[Problem]:
    options = _options(adapter)
    for name, reason in (*changed_model(options), *not_copied(options)):
        text = f"{directory}: {name}: {reason}, but the first round continues the adapter with a"
        yield Problem(_KEY, f"{text} frozen copy as the reference: {_MERGE}")


def _vllm(directory: Path, adapter: LoraAdapter) -> Iterator[Problem]:
    """Yield what vLLM cannot load."""
    remedy = f"set sampling.backend to transformers, or {_MERGE}"
    for name, reason in vllm_refusals(_options(adapter)):
        yield Problem(_KEY, f"{directory}: {name}: {reason}: {remedy}")
    try:
        supported_rank(directory)
    except UsageError:
        text = f"{directory}: its rank {adapter.rank} is above vLLM's highest: {remedy}"
        yield Problem(_KEY, text)


def _contradictions(
    lora: Mapping[str, Any], adapter: LoraAdapter, shapes: Mapping[str, list[int]] | None
) -> Iterator[Problem]:
    """Yield the keys of `lora` that differ from the adapter's, and that would have no effect."""
    for name, value in lora.items():
        theirs = adapter.settings.get(name)
        if name in _NOT_OF_TRAINING or name not in adapter.settings or value == theirs:
            continue
        if name == "target_modules":
            if _names(value, shapes) in (None, set(adapter.module_names)):
                continue
            theirs = ", ".join(adapter.module_names)
        elif str(value) == str(theirs):
            continue
        text = (
            f"is {value}, but model.adapter has {theirs}, and is trained further with its own"
            " settings: remove the key, or give another adapter"
        )
        yield Problem(f"lora.{name}", text)


def _names(targets: Any, shapes: Mapping[str, list[int]] | None) -> set[str] | None:
    """Return the last parts of the modules' names that `target_modules` means; None if not known.

    Which modules `all-linear` means only PEFT knows, after it has loaded the model.
    """
    if shapes is None or targets is None or targets == "all-linear":
        return None
    try:
        found = [name for name in shapes if matches(targets, name)]
    except re.error:
        return None  # `adapter_problems` says so
    return {name.rpartition(".")[2] for name in found}
