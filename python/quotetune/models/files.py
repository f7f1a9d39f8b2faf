"""Find out at once whether a model and an adapter are there, without minutes of retries."""

import re
from pathlib import Path

from quotetune.config import ModelConfig
from quotetune.errors import UsageError

_HUB_TIMEOUT_SECONDS = 10.0
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


def require_model(model: ModelConfig, key: str = "model.path") -> None:
    """Check that the model can be loaded from where the config says.

    A directory must hold a `config.json`. A Hub name must be in the local cache, or the Hub must
    know it; that is one request, which is not repeated.

    Args:
        model: The model to be loaded.
        key: The key of the config that names it, for messages.

    Raises:
        UsageError: There is no such model, or the Hub cannot be reached and the cache lacks it.

    Example:
        >>> require_model(ModelConfig(path="./nowhere"))
        Traceback (most recent call last):
        quotetune.errors.UsageError: model.path ./nowhere: there is no such directory: correct the \
path, or give the name of a model on the Hub
    """
    directory = Path(model.path)
    if directory.is_dir():
        if not (directory / "config.json").exists():
            raise UsageError(
                f"{key} {model.path}: the directory has no config.json, so it holds no"
                " transformers model: correct the path"
            )
    elif directory.exists() or not _HUB_NAME.fullmatch(model.path) or model.path.startswith("."):
        raise UsageError(
            f"{key} {model.path}: there is no such directory: correct the path, or give the"
            " name of a model on the Hub"
        )
    else:
        _require_on_hub(model, key)


def _require_on_hub(model: ModelConfig, key: str) -> None:
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    cached = try_to_load_from_cache(model.path, "config.json", revision=model.revision)
    if isinstance(cached, str):
        return
    name = model.path if model.revision is None else f"{model.path} at {model.revision}"
    try:
        HfApi().model_info(model.path, revision=model.revision, timeout=_HUB_TIMEOUT_SECONDS)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise UsageError(
            f"{key} {name}: neither a directory here nor a model on the Hub that you may"
            " read: correct it, or log in with `hf auth login`"
        ) from error
    except Exception as error:
        # The classes are those of an HTTP library that the Hub's client has exchanged before.
        raise UsageError(
            f"{key} {name}: no such directory, not in the Hub's local cache, and the Hub"
            " cannot be reached: give the directory of a model, or go online"
        ) from error


def split_policy(model: ModelConfig, policy: Path | None) -> tuple[ModelConfig, Path | None]:
    """Tell a LoRA adapter from a fully fine-tuned model.

    Args:
        model: The base model.
        policy: What training wrote; None for the base model itself.

    Returns:
        The model to load, and the adapter to put on it, if any.

    Raises:
        UsageError: The directory holds neither.
    """
    if policy is None:
        return model, None
    if (policy / "adapter_config.json").exists():
        return model, policy
    if (policy / "config.json").exists():
        return model.model_copy(update={"path": str(policy), "revision": None}), None
    raise UsageError(
        f"{policy}: neither a LoRA adapter (adapter_config.json) nor a model (config.json):"
        " correct the path, or train again"
    )
