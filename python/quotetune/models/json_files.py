"""The JSON files beside a model's weights, which may be damaged."""

import json
from pathlib import Path
from typing import Any

from quotetune.errors import UsageError
from quotetune.models.files import MODEL_CONFIG


def read_mapping(file: Path) -> dict[str, Any]:
    """Read a JSON file of keys and values.

    Args:
        file: The file.

    Returns:
        Its content; empty without the file.

    Raises:
        UsageError: It cannot be read, or is something else.
    """
    remedy = "copy the file again from where the model is from"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not JSON ({error}): {remedy}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{file}: not a mapping of keys to values: {remedy}")
    return content


def text_settings(directory: Path) -> dict[str, Any]:
    """Return the settings of a model's text part from its `config.json`; empty without the file.

    Raises:
        UsageError: The file is damaged.
    """
    settings = read_mapping(directory / MODEL_CONFIG)
    text = settings.get("text_config", settings)
    if not isinstance(text, dict):
        raise UsageError(
            f"{directory / MODEL_CONFIG}: text_config is not a mapping of keys to values: copy the"
            " file again from where the model is from"
        )
    return text


def known_settings(directory: Path) -> dict[str, Any]:
    """Return what `text_settings` does; empty if the file is damaged, which is found elsewhere."""
    try:
        return text_settings(directory)
    except UsageError:
        return {}


def token_texts(directory: Path) -> set[str] | None:
    """Return the tokens of a model as its tokenizer writes them; None if they cannot be read."""
    try:
        content = read_mapping(directory / "tokenizer.json")
        vocabulary = content["model"]["vocab"]
        pieces = vocabulary if isinstance(vocabulary, dict) else [piece for piece, _ in vocabulary]
        return {*pieces, *(token["content"] for token in content.get("added_tokens") or [])}
    except (UsageError, KeyError, TypeError, ValueError):
        return None
