"""Quicker imports of transformers and PEFT, which take most of the time of a short work."""

import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quotetune.models.files import MODEL_CONFIG
from quotetune.models.quantization import stored_quantization


def quick_imports(
    models: list[Mapping[str, Any]], options: Mapping[str, Any] | None = None
) -> None:
    """Prepare a process that does nothing but run models, before it imports transformers or PEFT.

    Args:
        models: The models that it loads, as mappings of `quotetune.config.ModelConfig`.
        options: Whatever else is set for it, such as the options of a training.
    """
    rare_collections()
    # transformers imports scikit-learn and scipy if they are installed, which takes 2 s. They serve
    # assisted decoding and the detection of objects.
    import transformers.utils

    transformers.utils.is_sklearn_available = lambda: False
    transformers.utils.is_scipy_available = lambda: False
    # PEFT imports bitsandbytes if it is installed, and with it torch's compiler, which takes 3 s.
    if "bitsandbytes" not in sys.modules and not _may_need_bitsandbytes(models, options or {}):
        sys.modules["bitsandbytes"] = None  # type: ignore[assignment]


def rare_collections() -> None:
    """Let Python look for garbage rarely.

    An import makes hundreds of thousands of objects, of which none is garbage. To look for some
    takes 2 s.
    """
    gc.set_threshold(100_000, 20, 20)


def _may_need_bitsandbytes(models: list[Mapping[str, Any]], options: Mapping[str, Any]) -> bool:
    """Tell whether a model or an option could ask for it; if that is not known, it could."""
    text = str(options)
    if "loftq" in text or any(name in text for name in ("bnb", "8bit", "paged")):
        return True
    return any(
        model.get("quantization") is not None
        or not (Path(model["path"]) / MODEL_CONFIG).is_file()
        or stored_quantization(Path(model["path"])) is not None
        for model in models
    )
