"""Read a config's YAML and apply `--set a.b=c`; `quotetune.config` says what the keys mean."""

import re
from collections.abc import Hashable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from quotetune.errors import UsageError, reason_of, unread_because


class _Loader(yaml.SafeLoader):
    """YAML without two traps: `5e-7` is a number, and a repeated key is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    problem="a key is a list or a mapping: write a name",
                    problem_mark=key_node.start_mark,
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key} is repeated: delete one",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# PyYAML reads YAML 1.1, in which only `5.0e-7` is a number. People write `5e-7`, as in YAML 1.2.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _date(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> date:
    return loader.construct_yaml_timestamp(node)


# A library of vLLM's makes dates texts in every loader that does not say itself what they are.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a config file without validating it.

    Args:
        path: A YAML file with a mapping.

    Returns:
        Its keys and values.

    Raises:
        UsageError: The file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = unread_because(error)
        raise UsageError(f"config {path}: cannot be read ({reason}): correct the path") from error
    try:
        content = parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f":{error.problem_mark.line + 1}"
        raise UsageError(f"{path}{line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not YAML: {reason_of(error)}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: not a mapping of keys to values: see configs/ for examples")
    return content


def parse_yaml(text: str) -> Any:
    """Parse YAML text.

    Example:
        >>> parse_yaml("{lr: 5e-7, on: 1.5}")
        {'lr': 5e-07, True: 1.5}
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except (RecursionError, ValueError) as error:  # an impossible date, such as 2024-13-45
        if isinstance(error, yaml.YAMLError):
            raise
        raise yaml.YAMLError(f"{error}") from error


def apply_overrides(content: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Apply `--set` options.

    Args:
        content: A config's content; it is not changed.
        overrides: `a.b=c`, where `c` is YAML: `3`, `null`, `[a, b]`, `text`.

    Returns:
        The content with those keys set. Blocks that are missing or null are created.

    Raises:
        UsageError: An override has no `=`, its value is not YAML, or it goes through a key that
            has a value and no keys below it.

    Example:
        >>> apply_overrides({"pairs": {"rule": "average"}}, ["pairs.delta_quip=5e-2", "lora=null"])
        {'pairs': {'rule': 'average', 'delta_quip': 0.05}, 'lora': None}
    """
    result: dict[str, Any] = _copy(content)
    for override in overrides:
        name, equals, text = override.partition("=")
        keys = [key.strip() for key in name.split(".")]
        if not equals or not all(keys):
            raise UsageError(f"--set {override}: write it as --set block.key=value")
        block = result
        for depth, key in enumerate(keys[:-1], start=1):
            if block.get(key) is None:
                block[key] = {}
            block = block[key]
            if not isinstance(block, dict):
                above = ".".join(keys[:depth])
                problem = "is a value and has no keys below it"
                if isinstance(block, list):
                    problem = f"is a list: set the whole of it, as in --set '{above}=[{{}}]'"
                raise UsageError(f"--set {override}: {above} {problem}")
        try:
            block[keys[-1]] = parse_yaml(text)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {override}: the value is not YAML: quote it") from error
    return result


def read_blocks(
    path: Path | None, overrides: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Read some blocks of a config, for a command that is a single step of a run.

    Args:
        path: A run's config; None if all blocks come from overrides.
        overrides: `--set` options.
        names: The blocks.

    Returns:
        The content of each block, with the overrides.

    Raises:
        UsageError: The config cannot be read, or an override is for another block.

    Example:
        >>> read_blocks(None, ["sampling.n=8"], ("model", "sampling"))
        {'model': {}, 'sampling': {'n': 8}}
    """
    for override in overrides:
        block = override.partition(".")[0]
        if block not in names:
            raise UsageError(f"--set {override}: this command reads {', '.join(names)} only")
    content = apply_overrides({} if path is None else read_yaml(path), overrides)
    return {name: content.get(name) or {} for name in names}


def _copy(value: Any) -> Any:
    """Copy nested mappings, so that overrides do not change the original."""
    return {key: _copy(item) for key, item in value.items()} if isinstance(value, dict) else value
