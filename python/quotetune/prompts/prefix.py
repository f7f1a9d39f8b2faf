"""Prompts for open-ended completion: the prompt is the start of a text, the reference its rest."""

from collections.abc import Callable

from quotetune.config import ModelConfig

Cut = Callable[[str], tuple[str, str] | None]

_CHARS_PER_TOKEN = 8  # tokens of most texts are shorter
_MARGIN = 16  # tokens at the end of a piece, which may not be those of the whole text


def token_cut(model: ModelConfig, prefix_tokens: int, reference_tokens: int) -> Cut:
    """Return a function that cuts texts after a number of the model's tokens.

    Args:
        model: The model whose tokenizer counts.
        prefix_tokens: Tokens of the prompt.
        reference_tokens: Maximum number of tokens of the reference.

    Returns:
        A function from a text to its prefix and the text that follows; None for a text that ends
        with its prefix or before. It reads only as much of a text as it needs.

    Raises:
        UsageError: There is no such model.
    """
    from quotetune.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(model)
    wanted = prefix_tokens + reference_tokens

    def cut(text: str) -> tuple[str, str] | None:
        chars = _CHARS_PER_TOKEN * (wanted + _MARGIN)
        while True:
            encoded = tokenizer(text[:chars], add_special_tokens=False, return_offsets_mapping=True)
            spans = encoded["offset_mapping"]
            if chars >= len(text) or len(spans) >= wanted + _MARGIN:
                break
            chars *= 2
        if len(spans) <= prefix_tokens:
            return None
        middle = spans[prefix_tokens - 1][1]
        last = spans[:wanted][-1][1]
        return text[:middle], text[middle:last]

    return cut
