"""Put a LoRA adapter on a loaded model."""

import warnings
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError, reason_of


def with_adapter(model: Any, adapter: Path | str, *, trainable: bool = False) -> Any:
    """Put an adapter on a model, without merging it.

    Args:
        model: A model of `transformers`.
        adapter: The directory of an adapter, in PEFT's form.
        trainable: Whether it is to be trained further.

    Returns:
        A `PeftModel`.

    Raises:
        QuotetuneError: The model has no place for some of its weights, or some are missing.
    """
    from peft import PeftModel

    unused: list[str] = []
    # PEFT does not tell which weights it has dropped, so the loading itself has to.
    watch = model.register_load_state_dict_post_hook(
        lambda _, keys: unused.extend(keys.unexpected_keys)
    )
    with warnings.catch_warnings():
        # PEFT only warns, and goes on with an adapter that does nothing there.
        warnings.filterwarnings("error", message=".*Found missing adapter keys")
        try:
            adapted = PeftModel.from_pretrained(model, str(adapter), is_trainable=trainable)
            if unused:
                raise ValueError(f"{len(unused)} tensors without a place, such as {unused[0]}")
        except (UserWarning, RuntimeError, ValueError, KeyError, TypeError) as error:
            reason = reason_of(error)[:200]
            raise QuotetuneError(
                f"{adapter}: its weights do not fit the model's modules: save it again with the"
                " installed PEFT and transformers, merge it into the model that it was made for, or"
                f" correct model.path ({reason})"
            ) from error
        finally:
            watch.remove()
    return adapted
