"""A LoRA adapter in PEFT's form, read from its settings and from the header of its weights."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.errors import UsageError
from quotetune.models.adapter_settings import setting_problems
from quotetune.models.files import ADAPTER_CONFIG, is_adapter, is_model
from quotetune.models.size import tensor_shapes

ADAPTER_WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."  # which PEFT puts before the names of the model's modules
_PARTS = (".lora_", ".trainable_tokens_delta")
# What wrappers of a model put into the names, and PEFT does not find when it loads them.
_WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_OUTER = ("module", "base_model")
_MATRICES = (
    (".lora_A.weight", ".lora_B.weight"),
    (".lora_embedding_A", ".lora_embedding_B"),
)


@dataclass(frozen=True)
class LoraAdapter:
    """A LoRA adapter.

    Attributes:
        settings: The content of `adapter_config.json`.
        modules: The two dimensions of the weights that are adapted, in ascending order, by the name
            of their module in the model.
    """

    settings: dict[str, Any]
    modules: dict[str, list[int]]

    @property
    def rank(self) -> int:
        """The rank of most modules."""
        return int(self.settings["r"])

    @property
    def module_names(self) -> list[str]:
        """The last parts of the modules' names, such as `q_proj`, in alphabetical order."""
        return sorted({name.rpartition(".")[2] for name in self.modules})


def read_adapter(directory: Path) -> LoraAdapter:
    """Read a LoRA adapter without loading it.

    Args:
        directory: A directory with `adapter_config.json` and `adapter_model.safetensors`.

    Returns:
        The adapter.

    Raises:
        UsageError: There is no such adapter, or it is of another kind.

    Example:
        >>> read_adapter(Path("nowhere"))
        Traceback (most recent call last):
        quotetune.errors.UsageError: nowhere: there is no such directory: put the adapter there, \
or correct the path
    """
    if not directory.is_dir():
        raise UsageError(
            f"{directory}: there is no such directory: put the adapter there, or correct the path"
        )
    if not is_adapter(directory):
        if is_model(directory):
            raise UsageError(f"{directory}: a model, not an adapter: give it as model.path instead")
        raise UsageError(
            f"{directory}: has no {ADAPTER_CONFIG}, so it is not an adapter in PEFT's form: save it"
            " with PEFT's save_pretrained, or correct the path"
        )
    settings = _settings(directory / ADAPTER_CONFIG)
    if not (directory / ADAPTER_WEIGHTS).is_file():
        raise UsageError(
            f"{directory}: has no {ADAPTER_WEIGHTS}: save the adapter again with PEFT's"
            " save_pretrained, which writes safetensors"
        )
    shapes = tensor_shapes(directory)
    if shapes is None:
        raise UsageError(
            f"{directory / ADAPTER_WEIGHTS}: not a file of safetensors: save the adapter again, or"
            " copy it again"
        )
    modules = dict(_modules(shapes))
    if not modules:
        raise UsageError(f"{directory / ADAPTER_WEIGHTS}: has no LoRA weights: correct the path")
    _check_names(directory / ADAPTER_WEIGHTS, settings, shapes)
    _check_pairs(directory / ADAPTER_WEIGHTS, shapes)
    names = [name.removeprefix(_PREFIX) for name in shapes]
    for problem in setting_problems(settings, _ranks(shapes), names):
        raise UsageError(f"{directory / ADAPTER_CONFIG}: {problem}")
    return LoraAdapter(settings, modules)


def _check_names(file: Path, settings: dict[str, Any], names: Collection[str]) -> None:
    """Refuse weights that PEFT would not load, or that a training would not keep."""
    for name in names:
        if not name.startswith(_PREFIX):
            raise UsageError(
                f"{file}: {name} does not start with {_PREFIX}, so PEFT would leave it out: save"
                " the adapter again with PEFT's save_pretrained"
            )
        parts = name.removeprefix(_PREFIX).split(".")
        if parts[0] in _OUTER or not set(_WRAPPERS).isdisjoint(parts):
            raise UsageError(
                f"{file}: {name} has the name of a wrapped model, so PEFT would leave it out: take"
                " the wrapper off (torch.compile, DDP, FSDP, or a second PEFT model), and save the"
                " adapter again with PEFT's save_pretrained"
            )
    saved = tuple(settings.get("modules_to_save") or [])
    biases = settings.get("bias", "none") != "none"
    for name in names:
        module, _, kind = name.rpartition(".")
        # PEFT matches the ends of names.
        is_saved = module.endswith(saved) or not set(saved).isdisjoint(module.split("."))
        is_own = any(part in name for part in _PARTS) or (biases and kind == "bias")
        if not is_own and not is_saved:
            raise UsageError(
                f"{file}: has {name.removeprefix(_PREFIX)}, weights of the model that are not"
                " trained with it, as after a change of the vocabulary: merge the adapter into the"
                " model, and give that as model.path"
            )


def _check_pairs(file: Path, names: Collection[str]) -> None:
    """Refuse one matrix of a module without the other, for which PEFT takes a random one."""
    for pair in _MATRICES:
        for one, other in (pair, pair[::-1]):
            for name in names:
                if name.endswith(one) and name.removesuffix(one) + other not in names:
                    raise UsageError(
                        f"{file}: has {name}, but not {other[1:]} of that module: save the adapter"
                        " again, or copy it again"
                    )


def _settings(file: Path) -> dict[str, Any]:
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        kind, rank = settings["peft_type"], settings.get("r")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file}: not the settings of an adapter ({error}): save the adapter again"
        ) from error
    if kind != "LORA":
        raise UsageError(
            f"{file}: peft_type is {kind}, but only LORA can be trained further: merge the adapter"
            " into the model, and give that as model.path"
        )
    if not isinstance(rank, int) or rank < 1:
        raise UsageError(f"{file}: r is {rank}, but a rank is 1 or more: save the adapter again")
    checked: dict[str, Any] = settings
    return checked


def _modules(shapes: dict[str, list[int]]) -> Iterator[tuple[str, list[int]]]:
    """Yield the modules of the pairs of matrices A [r, in] and B [out, r]."""
    for down, up in _MATRICES:
        for name, shape in shapes.items():
            module = name.removesuffix(down)
            other = shapes.get(module + up, [])
            if name.endswith(down) and len(shape) == len(other) == 2:
                yield module.removeprefix(_PREFIX), sorted([shape[1], other[0]])


def _ranks(shapes: dict[str, list[int]]) -> dict[str, int]:
    """Return the first dimension of the matrices A, by the names of their modules."""
    return {
        name.removesuffix(down).removeprefix(_PREFIX): shape[0]
        for down, _ in _MATRICES
        for name, shape in shapes.items()
        if name.endswith(down) and shape
    }
