"""Find out at once whether a model or an adapter exists, without minutes of retries."""

import re
from pathlib import Path

from quotetune.config import ModelConfig
from quotetune.errors import UsageError

_HUB_TIMEOUT_SECONDS = 10.0
_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
MODEL_CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"


def model_problem(model: ModelConfig) -> str | None:
    """Look for a model without using the network.

    Args:
        model: The model to be loaded.

    Returns:
        The problem and its remedy; None if the directory contains a model, or if `model.path` may
        be a name on the Hub.

    Example:
        >>> model_problem(ModelConfig(path="owner/name"))
        >>> model_problem(ModelConfig(path="./nowhere"))
        "./nowhere: there is no such directory: put a model's directory there, correct the path, \
or give the name of a model on the Hub"
    """
    directory = Path(model.path)
    if directory.is_dir():
        if is_model(directory):
            return None
        if is_adapter(directory):
            return (
                f"{model.path}: a LoRA adapter, not a model: give the model that it was trained on"
            )
        return (
            f"{model.path}: the directory has no {MODEL_CONFIG}, so it is not a transformers model:"
            " correct the path"
        )
    if _HUB_NAME.fullmatch(model.path) and not directory.exists():
        return None
    return (
        f"{model.path}: there is no such directory: put a model's directory there, correct the"
        " path, or give the name of a model on the Hub"
    )


def require_model(model: ModelConfig, key: str = "model.path") -> None:
    """Check that the model can be loaded from where the config says.

    A directory must contain a `config.json`. A Hub name must be in the local cache, or the Hub must
    know it; that is one request, which is not repeated.

    Args:
        model: The model to be loaded.
        key: The key of the config that names it, for messages.

    Raises:
        UsageError: There is no such model, or the Hub cannot be reached and the cache lacks it.
    """
    problem = model_problem(model)
    if problem is not None:
        raise UsageError(f"{key}: {problem}")
    if not Path(model.path).is_dir():
        _require_on_hub(model, key)


def _require_on_hub(model: ModelConfig, key: str) -> None:
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    cached = try_to_load_from_cache(model.path, MODEL_CONFIG, revision=model.revision)
    if isinstance(cached, str):
        return
    name = model.path if model.revision is None else f"{model.path} at {model.revision}"
    try:
        HfApi().model_info(model.path, revision=model.revision, timeout=_HUB_TIMEOUT_SECONDS)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise UsageError(
            f"{key}: {name}: neither a directory here nor a model on the Hub that you may"
            " read: correct it, or log in with `hf auth login`"
        ) from error
    except Exception as error:
        # The Hub's client raises the errors of its HTTP library, which has changed before.
        raise UsageError(
            f"{key}: {name}: no such directory, not in the Hub's local cache, and the Hub"
            " cannot be reached: give the directory of a model, or go online"
        ) from error


def find_file(model: ModelConfig, name: str) -> Path | None:
    """Return the path of a file of a model; None if the model does not have it.

    A file of a model on the Hub is downloaded into the Hub's local cache. If that is not possible,
    the result is None, too: loading the model will say so.
    """
    directory = Path(model.path)
    if directory.is_dir():
        return directory / name if (directory / name).is_file() else None
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(model.path, name, revision=model.revision))
    except Exception:  # The Hub's client raises the errors of its HTTP library.
        return None


def split_policy(model: ModelConfig, policy: Path | None) -> tuple[ModelConfig, Path | None]:
    """Tell a LoRA adapter from a fully fine-tuned model.

    Args:
        model: The base model.
        policy: The directory that training wrote; None for the base model itself.

    Returns:
        The model to load, and the adapter to put on it, if any.

    Raises:
        UsageError: The directory contains neither.
    """
    if policy is None:
        return model, None
    if is_adapter(policy):
        return model, policy
    if is_model(policy):
        return model.model_copy(update={"path": str(policy), "revision": None}), None
    raise UsageError(
        f"{policy}: neither a LoRA adapter ({ADAPTER_CONFIG}) nor a model ({MODEL_CONFIG}):"
        " correct the path, or train again"
    )


def is_model(directory: Path) -> bool:
    """Tell whether a directory contains a model."""
    return (directory / MODEL_CONFIG).is_file()


def has_weights(directory: Path) -> bool:
    """Tell whether a directory has weights in safetensors files."""
    return any(directory.glob("*.safetensors"))


def is_adapter(directory: Path) -> bool:
    """Tell whether a directory contains a LoRA adapter."""
    return (directory / ADAPTER_CONFIG).is_file()
