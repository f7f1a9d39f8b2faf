"""Prompts for open-ended completion: the prompt is the start of a text, the reference its rest."""

from collections.abc import Callable

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.runtime.plural import counted

Cut = Callable[[str], tuple[str, str]]


def token_cut(model: ModelConfig, prefix_tokens: int, reference_tokens: int) -> Cut:
    """Return a function that cuts texts after a number of the model's tokens.

    Args:
        model: The model whose tokenizer counts.
        prefix_tokens: Tokens of the prompt.
        reference_tokens: Maximum number of tokens of the reference.

    Returns:
        A function from a text to its prefix and the text that follows.

    Raises:
        UsageError: There is no such model. The function raises it if a text is too short to cut.
    """
    from quotetune.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(model)

    def cut(text: str) -> tuple[str, str]:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        spans = encoded["offset_mapping"]
        if len(spans) <= prefix_tokens:
            raise UsageError(
                f"the text has {counted(len(spans), 'token')}, and prompts.prefix_tokens is"
                f" {prefix_tokens}: leave the text out, or lower prompts.prefix_tokens"
            )
        middle = spans[prefix_tokens - 1][1]
        last = spans[: prefix_tokens + reference_tokens][-1][1]
        return text[:middle], text[middle:last]

    return cut
