"""The size of a model, read from the headers of its files alone."""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.models.json_files import known_settings

_LONGEST_HEADER = 100_000_000  # the limit of the format

Shapes = Mapping[str, list[int]]


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
        heads: Heads of the attention, per block.
        queries: Width of the queries of all heads.
        inner: Width inside the feed-forward part; of experts, that of those that a token passes.
        shapes: The shapes of the weights, by their names.
    """

    parameters: int
    bytes: int
    layers: int
    hidden: int
    vocabulary: int
    cache_bytes_per_token: int
    heads: int
    queries: int
    inner: int
    shapes: Shapes

    @property
    def linear_layers(self) -> dict[str, list[int]]:
        """The widths `[out, in]` of the blocks' linear layers, by the names of the modules."""
        return {
            name.removesuffix(".weight"): shape
            for name, shape in self.shapes.items()
            if len(shape) == 2 and name.endswith(".weight") and self.vocabulary not in shape
        }


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
        tensors = {name: tensor for file in files for name, tensor in _tensors(file).items()}
        return size_of(
            known_settings(directory),
            {name: tensor["shape"] for name, tensor in tensors.items()},
            sum(end - start for start, end in (t["data_offsets"] for t in tensors.values())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return None


def size_of(settings: Mapping[str, Any], shapes: Shapes, stored: int) -> ModelSize:
    """Return the size of a model of known shapes.

    Args:
        settings: The content of `config.json`, of the model's text part.
        shapes: The shapes of the weights, by their names.
        stored: Bytes of all weights, as they are stored.

    Raises:
        KeyError: The settings lack a number.
        TypeError: A number is something else.
    """
    heads = settings["num_attention_heads"]
    hidden = settings["hidden_size"]
    width = settings.get("head_dim") or hidden // heads
    key_heads = settings.get("num_key_value_heads") or heads
    layers = settings["num_hidden_layers"]
    inner = settings.get("intermediate_size") or 4 * hidden
    if experts := settings.get("num_experts_per_tok"):
        each = settings.get("moe_intermediate_size") or inner
        # Experts that every token passes have their width in one key or in the other.
        shared = settings.get("shared_expert_intermediate_size")
        inner = experts * each + (shared or each * (settings.get("n_shared_experts") or 0))
    return ModelSize(
        parameters=sum(math.prod(shape) for shape in shapes.values()),
        bytes=stored,
        layers=layers,
        hidden=hidden,
        vocabulary=settings["vocab_size"],
        cache_bytes_per_token=2 * 2 * layers * key_heads * width,
        heads=heads,
        queries=heads * width,
        inner=inner,
        shapes=shapes,
    )


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
