"""Ids after the tokens of a response: sampled tokens stay as they are, the rest is tokenised."""

from collections.abc import Sequence
from typing import Any

from quotetune.citations.form import citation


def citation_tokens(ids: Sequence[str], tokenizer: Any) -> list[list[int]]:
    """Tokenise citations one by one, so that an id has the same tokens in every place.

    The name of a special token is text like any other, so an id with it does not end a response.

    Args:
        ids: The ids.
        tokenizer: The model's `transformers` tokenizer.
    """
    if not ids:
        return []
    texts = [citation(id) for id in ids]
    encoded = tokenizer(texts, add_special_tokens=False, split_special_tokens=True)
    tokens: list[list[int]] = encoded["input_ids"]
    return tokens


def tokens_of_start(token_ids: Sequence[int], start: str, tokenizer: Any) -> list[int]:
    """Return the tokens of the start of a response.

    Args:
        token_ids: The tokens of the whole response.
        start: The start of its text.
        tokenizer: The model's `transformers` tokenizer.

    Returns:
        The response's own tokens, as long as they are inside the start. If the next one reaches
        beyond its end, as a token for `. [` would, the missing characters are tokenised.
    """
    for count in range(len(token_ids), -1, -1):
        shown = tokenizer.decode(token_ids[:count], skip_special_tokens=True)
        if start.startswith(shown):
            break
    missing = start[len(shown) :]
    more = tokenizer(missing, add_special_tokens=False)["input_ids"] if missing else []
    return [*token_ids[:count], *more]
