"""The fields that the installed TRL and PEFT declare: their types and choices.

To import the libraries takes many seconds. So their fields are kept in a file of the user's cache,
one per set of versions, and a config is checked without them.
"""

import enum
import hashlib
import json
import os
import re
import types
import typing
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import Field, dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from quotetune.errors import UsageError
from quotetune.runtime.whole_files import write_text

Block = Literal["dpo", "absorb.sft", "lora"]

_LAYOUT = 3  # of the file
_LIBRARIES = ("trl", "peft", "transformers", "accelerate")
_PLAIN: dict[str, Any] = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "dict": dict,
    "list": list,
    "null": None,
    "any": Any,
}
_NAMES = {kind: name for name, kind in _PLAIN.items()} | {type(None): "null"}


@dataclass(frozen=True)
class DeclaredField:
    """A field of a config class.

    Attributes:
        hint: Its type. The classes of the libraries are `Any` in it, and their enums the values.
        choices: Its values; empty if it has no list of them.
    """

    hint: Any
    choices: Sequence[str]


@dataclass(frozen=True)
class DeclaredClass:
    """A config class of a library.

    Attributes:
        name: Its name, such as `trl.DPOConfig`.
        fields: Its fields, by their names.
    """

    name: str
    fields: dict[str, DeclaredField]


def config_class(block: Block) -> Any:
    """Import the class whose keys a block has.

    Raises:
        UsageError: The library is not installed.
    """
    try:
        if block == "dpo":
            from trl import DPOConfig

            return DPOConfig
        if block == "absorb.sft":
            from trl import SFTConfig

            return SFTConfig
        from peft import LoraConfig

        return LoraConfig
    except ImportError as error:
        raise UsageError(f"training needs {error.name}: install quotetune[train]") from error


@cache
def declared(block: Block) -> DeclaredClass:
    """Return the class whose keys a block has, from the cache if it is there.

    Raises:
        UsageError: The library is not installed.
    """
    file = _cache_file(block)
    if file is not None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            return _decode(json.loads(file.read_text(encoding="utf-8")))
    encoded = encode(config_class(block))
    if file is not None:
        with suppress(OSError, UsageError):  # a home that cannot be written only costs time
            file.parent.mkdir(parents=True, exist_ok=True)
            write_text(file, json.dumps(encoded, indent=1))
    return _decode(encoded)


def _cache_file(block: Block) -> Path | None:
    """Return the file of a block's fields; None if a library is not installed."""
    try:
        versions = [f"{library} {version(library)}" for library in _LIBRARIES]
    except PackageNotFoundError:
        return None
    key = hashlib.blake2b(f"{_LAYOUT} {versions}".encode(), digest_size=8).hexdigest()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "quotetune" / f"{block}-fields-{key}.json"


def encode(target: Any) -> dict[str, Any]:
    """Return the fields of a class as JSON."""
    hints = typing.get_type_hints(target)
    own = [field for field in fields(target) if field.init]
    return {
        "name": f"{target.__module__.partition('.')[0]}.{target.__name__}",
        "fields": {
            field.name: [_encode_hint(hints[field.name]), _choices(hints[field.name], field)]
            for field in own
        },
    }


def _encode_hint(hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return {"literal": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return {"union": [_encode_hint(argument) for argument in arguments]}
    if origin in (list, tuple, dict):
        return {origin.__name__: [_encode_hint(argument) for argument in arguments]}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"literal": [member.value for member in hint]}
    return _NAMES.get(hint, "any")


def _decode(content: dict[str, Any]) -> DeclaredClass:
    found = {
        name: DeclaredField(_decode_hint(hint), choices)
        for name, (hint, choices) in content["fields"].items()
    }
    return DeclaredClass(content["name"], found)


def _decode_hint(hint: Any) -> Any:
    if isinstance(hint, str):
        return _PLAIN[hint]
    [(kind, arguments)] = hint.items()
    if kind == "literal":
        return Literal[tuple(arguments)]
    inner = tuple(_decode_hint(argument) for argument in arguments)
    if kind == "union":
        return typing.Union[inner]  # noqa: UP007 # of types that are known only here
    return {"list": list, "tuple": tuple, "dict": dict}[kind][inner]  # type: ignore[index]


def _choices(hint: Any, field: "Field[Any]") -> list[str]:
    choices = list(field.metadata.get("choices", []))
    for member in typing.get_args(hint):
        if isinstance(member, type) and issubclass(member, enum.Enum):
            choices += [choice.value for choice in member]
    if field.name in ("loss_type", "f_divergence_type") and not choices:
        # TRL checks these names only in the first step, but its help lists all of them.
        listed = field.metadata["help"].partition("Possible values are")[2].partition(". ")[0]
        choices = re.findall(r"`'?(\w+)'?`", listed)
    if field.name == "torch_compile_backend":
        import torch._dynamo
        from accelerate.utils import DynamoBackend

        # accelerate knows names of torch's past, and torch knows some that accelerate does not.
        here = {*torch._dynamo.list_backends(exclude_tags=()), "no"}
        choices = [backend.value.lower() for backend in DynamoBackend]
        choices = [backend for backend in choices if backend in here]
    if field.name == "torch_compile_mode":
        import torch._inductor

        choices = list(torch._inductor.list_mode_options())
    return choices
