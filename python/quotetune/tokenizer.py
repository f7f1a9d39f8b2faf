"""The tokenizer of a model, loaded in one way wherever tokens are counted or made."""

from typing import Any

from quotetune.errors import UsageError
from quotetune.sampling.model_files import require_model
from quotetune.sampling.settings import ModelConfig


def load_tokenizer(model: ModelConfig) -> Any:
    """Load the tokenizer that lies beside a model's weights.

    Args:
        model: The model.

    Returns:
        A tokenizer of `transformers`.

    Raises:
        UsageError: There is no such model, or no tokenizer beside it.
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
