"""The tokenizer of a model, loaded in the same way wherever tokens are counted or made."""

from typing import Any

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.models.files import require_model


def load_tokenizer(model: ModelConfig) -> Any:
    """Load the tokenizer from beside a model's weights.

    Args:
        model: The model.

    Returns:
        A tokenizer of `transformers`.

    Raises:
        UsageError: There is no such model, or it has no tokenizer.
    """
    require_model(model)
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            model.path, revision=model.revision, trust_remote_code=model.trust_remote_code
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(" :")
        remedy = "put the tokenizer's files beside the weights"
        if "trust_remote_code" in str(error):
            remedy = "set model.trust_remote_code to true if you trust that code"
        raise UsageError(
            f"model.path {model.path}: its tokenizer cannot be loaded ({reason}): {remedy}"
        ) from error


def end_tokens(model: ModelConfig, tokenizer: Any) -> list[int]:
    """Return all tokens that end a text.

    These are the tokenizer's, which often ends a turn of a chat, and those of the model's
    generation config, or else of its config.

    Args:
        model: The model.
        tokenizer: Its tokenizer.

    Returns:
        Token ids without repetition, in ascending order.
    """
    known = _ends_of_model(model)
    own = tokenizer.eos_token_id
    return sorted({*known, *([] if own is None else [own])})


def end_token(model: ModelConfig, tokenizer: Any) -> int | None:
    """Return the token that is put after a text; if the model has several, the tokenizer's."""
    known = _ends_of_model(model)
    own: int | None = tokenizer.eos_token_id
    return known[0] if known and own not in known else own


def _ends_of_model(model: ModelConfig) -> list[int]:
    from transformers import AutoConfig, GenerationConfig

    source = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
    try:
        ends = GenerationConfig.from_pretrained(model.path, **source).eos_token_id
    except OSError:  # the model has no such file
        ends = AutoConfig.from_pretrained(model.path, **source).eos_token_id
    return [] if ends is None else ends if isinstance(ends, list) else [ends]
