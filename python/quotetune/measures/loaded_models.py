"""The models of the jobs that a child measures with, of which one is in memory at a time."""

from typing import Any

from quotetune.config import ModelConfig
from quotetune.models.load_adapter import with_adapter
from quotetune.models.precision import measuring_dtype
from quotetune.models.quantization import quantization_settings


class LoadedModels:
    """The model in memory. One that is asked for again is not loaded again."""

    def __init__(self) -> None:
        self._key: Any = None
        self._model: Any = None
        self._adapted: Any = None

    def causal(self, settings: dict[str, Any], adapter: str | None = None) -> Any:
        """Return a causal model, with an adapter if one is named."""
        from transformers import AutoModelForCausalLM

        model = self.load(AutoModelForCausalLM, ModelConfig(**settings))
        if adapter is None:
            return model
        self._adapted = with_adapter(model, adapter)
        return self._adapted.eval()

    def load(self, kind: Any, settings: ModelConfig) -> Any:
        """Return a model without an adapter.

        Args:
            kind: The class of `transformers` that loads it.
            settings: The model.
        """
        if self._adapted is not None:
            self._model, self._adapted = self._adapted.unload(), None
        if self._key != (kind, settings):
            self._key = self._model = None
            self._model = _loaded(kind, settings)
            self._key = (kind, settings)
        return self._model


def device_type() -> str:
    """Return the type of the device that models are loaded on."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _loaded(kind: Any, model: ModelConfig) -> Any:
    dtype = measuring_dtype(model)
    loaded = kind.from_pretrained(
        model.path,
        revision=model.revision,
        dtype=dtype,
        **quantization_settings(model, dtype),
        trust_remote_code=model.trust_remote_code,
        use_safetensors=True,
    )
    return loaded.to(device_type()).eval()
