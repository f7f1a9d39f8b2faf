"""The size of a model on the Hub, of which perhaps only the config is here.

The config says which class the model has. The class is made without any memory, on torch's device
`meta`, and its weights have the shapes of the real ones. That takes seconds, for which nothing has
to be downloaded but the config.
"""

import json
from pathlib import Path

from quotetune.config import ModelConfig
from quotetune.models.files import MODEL_CONFIG, find_file
from quotetune.models.json_files import known_settings
from quotetune.models.quantization import stored_quantization
from quotetune.models.size import ModelSize, model_size, size_of

_INDEX = "model.safetensors.index.json"


def known_size(model: ModelConfig) -> ModelSize | str:
    """Return the size of a model that is here or on the Hub.

    Args:
        model: A directory, or a name on the Hub. Of a model on the Hub, only its config is fetched,
            if the Hub's cache does not have it yet.

    Returns:
        The size, or why it is not known.
    """
    directory = Path(model.path)
    # Packed numbers have other shapes than the layers, and their bytes are not in the config.
    packed = f"the weights of {model.path} are stored quantised ({{}})"
    if (method := stored_quantization(directory)) is not None:
        return packed.format(method)
    if directory.is_dir():
        return model_size(directory) or f"the files of {model.path} do not say its size"
    config = find_file(model, MODEL_CONFIG)
    if config is None:
        return f"{model.path} is not in the Hub's local cache, and the Hub has not answered"
    if (method := stored_quantization(config.parent)) is not None:
        return packed.format(method)
    if _is_whole(config.parent) and (size := model_size(config.parent)) is not None:
        return size
    return _size_of_class(model, config.parent)


def _is_whole(snapshot: Path) -> bool:
    """Tell whether the cache has all weights of a model, and not only some of their files."""
    try:
        files = set(json.loads((snapshot / _INDEX).read_text("utf-8"))["weight_map"].values())
    except FileNotFoundError:
        files = {"model.safetensors"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return all((snapshot / str(name)).is_file() for name in files)


def _size_of_class(model: ModelConfig, snapshot: Path) -> ModelSize | str:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        # Code that came with a config is not run for an estimate, and nobody is asked for it.
        config = AutoConfig.from_pretrained(str(snapshot), trust_remote_code=False)
        dtype = config.get_text_config().dtype or torch.float32
        with torch.device("meta"):
            made = AutoModelForCausalLM.from_config(config, dtype=dtype)
        weights = dict(made.named_parameters())  # tied weights have one name
        shapes = {name: list(weight.shape) for name, weight in weights.items()}
        stored = sum(weight.nbytes for weight in weights.values())
        return size_of(known_settings(snapshot), shapes, stored)
    except Exception as error:
        # Any class of transformers may refuse a config, with an error of its own.
        reason = " ".join(str(error).split())[:200]
        return f"the config of {model.path} does not say it ({reason})"
