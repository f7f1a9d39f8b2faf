"""Write docs/config.md from the classes in quotetune.config: `python tests/config_reference.py`."""

import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from quotetune.config import Config

DOCUMENT = Path(__file__).parents[1] / "docs/config.md"
_INTRODUCTION = """# The keys of a config

`quotetune train CONFIG.yaml` reads these keys. [training.md](training.md) explains what a run does
with them, and the folder [configs](../configs) has examples. `python tests/config_reference.py`
writes this page from the classes in `python/quotetune/config`.

- A key without a default is required: `run`, `index`, `model.path` and `prompts.path`. An unknown
  key is an error.
- Paths are relative to the current directory.
- A config without `lora` trains all weights of the model. To train an adapter, set `lora: {}`, or
  its keys, as in `lora: {r: 16}`.
- The blocks `lora` and `absorb.lora` take any key of `peft.LoraConfig`, `dpo` any key of
  `trl.DPOConfig`, and `absorb.sft` any key of `trl.SFTConfig`, as the installed versions declare
  them. The exceptions are the keys that the run itself sets, such as `output_dir`, which are an
  error. The defaults are those of the libraries, except for those in
  [training/defaults.py](../python/quotetune/training/defaults.py).
- `sampling.engine` takes any argument of `vllm.LLM`.
- `quotetune train CONFIG.yaml --set dpo.beta=0.05` changes a key for one call.
"""
_NAMES = {str: "text", int: "integer", float: "number", bool: "`true` or `false`", Path: "path"}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def reference() -> str:
    """The whole page."""
    sections = [_section("", [""], Config)]
    for block, keys in _places(Config).items():
        sections.append(_section(keys[0], keys, block))
    return "\n".join([_INTRODUCTION, *sections])


def _places(block: type[BaseModel], above: str = "") -> dict[type[BaseModel], list[str]]:
    """The blocks inside a block, each with the keys where it is, in the order of the keys."""
    found: dict[type[BaseModel], list[str]] = {}
    for name, field in block.model_fields.items():
        for inner in _blocks(field.annotation):
            key = f"{above}{name}{'.NAME' if _is_mapping_of_blocks(field.annotation) else ''}"
            found.setdefault(inner, []).append(key)
            for kind, keys in _places(inner, f"{key}.").items():
                found.setdefault(kind, []).extend(keys)
    return found


def _blocks(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _blocks(part)


def _is_mapping_of_blocks(annotation: Any) -> bool:
    return get_origin(annotation) is dict and any(_blocks(annotation))


def _section(heading: str, keys: list[str], block: type[BaseModel]) -> str:
    lines = [f"## {heading}" if heading else "## At the top", "", _prose(block.__doc__)]
    if len(keys) > 1:
        others = ", ".join(f"`{key}`" for key in keys[1:])
        lines += ["", f"The same keys are in {others}."]
    lines += ["", "| key | type | default | meaning |", "|---|---|---|---|"]
    above = f"{heading}." if heading else ""
    for name, field in block.model_fields.items():
        cells = [f"`{name}`", _field_type(field, f"{above}{name}"), _default(field)]
        lines.append(" | ".join(["| " + cells[0], *cells[1:], _prose(field.description)]) + " |")
    return "\n".join([*lines, ""])


def _prose(text: str | None) -> str:
    assert text, "every block and every key has a docstring"
    return " ".join(text.split()).replace("|", "\\|")


def _field_type(field: FieldInfo, key: str) -> str:
    return _type(
        Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation, key
    )


def _type(annotation: Any, key: str) -> str:
    """The values that a type takes, in words; `key` is where a block of keys has its section."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return "`null`"
    if origin is Annotated:
        bounds = _bounds(parts[1:])
        if type(None) in get_args(parts[0]):  # the bounds are those of the number
            number, *_ = get_args(parts[0])
            return f"{_type(number, key)}{bounds}, or `null`"
        return _type(parts[0], key) + bounds
    if origin in (Union, types.UnionType):
        return ", or ".join(_type(part, key) for part in parts)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in parts)
    if origin is list:
        return f"list of: {_type(parts[0], key)}"
    if origin is dict:
        inner = next(_blocks(annotation), None)
        return "names with keys" + _link(inner) if inner else "mapping"
    if annotation in _NAMES:
        return _NAMES[annotation]
    return "keys" + _link(annotation)


def _link(block: type[BaseModel]) -> str:
    heading = _places(Config)[block][0]
    anchor = "".join(letter for letter in heading.lower() if letter.isalnum() or letter == "_")
    return f" of [{heading}](#{anchor})"


def _bounds(metadata: tuple[Any, ...]) -> str:
    words = [
        f"{word} {getattr(one, name):.15g}"  # typing may give 0 or 0.0 for equal bounds
        for given in metadata
        for one in (given.metadata if isinstance(given, FieldInfo) else [given])
        for name, word in _BOUNDS.items()
        if getattr(one, name, None) is not None
    ]
    return f", {' and '.join(words)}" if words else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True, mode="json")
    text = value if isinstance(value, str) and "\n" not in value else json.dumps(value)
    return f"`{text}`"


if __name__ == "__main__":
    DOCUMENT.write_text(reference(), encoding="utf-8")
