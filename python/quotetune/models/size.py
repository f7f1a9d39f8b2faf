"""The size of a model, read from the headers of its files alone."""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.models.json_files import known_settings

_LONGEST_HEADER = 100_000_000  # the limit of the format


@dataclass(frozen=True)
class ModelSize:
    """The size of a model.

    Attributes:
        parameters: Number of parameters.
        bytes: Bytes of all weights, as they are stored.
        layers: Blocks of the transformer.
        hidden: Width between the blocks.
        vocabulary: Tokens.
        cache_bytes_per_token: Bytes of keys and values that a token leaves in the cache, in bf16.
    """

    parameters: int
    bytes: int
    layers: int
    hidden: int
    vocabulary: int
    cache_bytes_per_token: int


def model_size(directory: Path) -> ModelSize | None:
    """Read a model's size from `config.json` and the headers of its safetensors files.

    Args:
        directory: The model's directory.

    Returns:
        The size; None if the model does not exist, or its files have another format.
    """
    files = sorted(directory.glob("*.safetensors"))
    if not files:
        return None
    try:
        settings = known_settings(directory)
        tensors = [tensor for file in files for tensor in _tensors(file).values()]
        heads = settings["num_attention_heads"]
        hidden = settings["hidden_size"]
        width = settings.get("head_dim") or hidden // heads
        key_heads = settings.get("num_key_value_heads") or heads
        layers = settings["num_hidden_layers"]
        return ModelSize(
            parameters=sum(math.prod(tensor["shape"]) for tensor in tensors),
            bytes=sum(end - start for start, end in (t["data_offsets"] for t in tensors)),
            layers=layers,
            hidden=hidden,
            vocabulary=settings["vocab_size"],
            cache_bytes_per_token=2 * 2 * layers * key_heads * width,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return None


def tensor_shapes(directory: Path) -> dict[str, list[int]] | None:
    """Return the shapes of a model's tensors; None if it has no safetensors files to read."""
    shapes: dict[str, list[int]] = {}
    try:
        for file in sorted(directory.glob("*.safetensors")):
            shapes |= {name: tensor["shape"] for name, tensor in _tensors(file).items()}
    except (OSError, ValueError, KeyError, struct.error):
        return None
    return shapes or None


def _tensors(file: Path) -> dict[str, dict[str, Any]]:
    """Read a safetensors header: its length in 8 bytes, then JSON by the tensors' names."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        if length > _LONGEST_HEADER:
            raise ValueError(f"{file}: a header of {length} bytes")
        header = json.loads(opened.read(length))
    return {name: tensor for name, tensor in header.items() if name != "__metadata__"}
