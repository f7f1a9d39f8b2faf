"""Put a LoRA adapter on a loaded model."""

import warnings
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError


def with_adapter(model: Any, adapter: Path | str, *, trainable: bool = False) -> Any:
    """Put an adapter on a model, without merging it.

    Args:
        model: A model of `transformers`.
        adapter: The directory of an adapter, in PEFT's form.
        trainable: Whether it is to be trained further.

    Returns:
        A `PeftModel`.

    Raises:
        QuotetuneError: The model has no place for some of its weights.
    """
    from peft import PeftModel

    with warnings.catch_warnings():
        # PEFT only warns, and goes on with an adapter that does nothing there.
        warnings.filterwarnings("error", message=".*Found missing adapter keys")
        try:
            return PeftModel.from_pretrained(model, str(adapter), is_trainable=trainable)
        except (UserWarning, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise QuotetuneError(
                f"{adapter}: its weights do not fit the model's modules: save it again with the"
                " installed PEFT and transformers, merge it into the model that it was made for, or"
                f" correct model.path ({reason})"
            ) from error
