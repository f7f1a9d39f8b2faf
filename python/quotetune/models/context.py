"""The context length of a model."""

from typing import Any


def context_length(config: Any) -> int | None:
    """Return how many tokens a model can see at once.

    Args:
        config: The model's `transformers` config.

    Returns:
        The limit in tokens; None if the model states none.
    """
    limit: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    return limit
