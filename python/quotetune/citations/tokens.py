"""Ids behind the tokens of a response: what the model sampled stays, the rest is tokenised once."""

from collections.abc import Sequence
from typing import Any

from quotetune.citations.form import citation


def citation_tokens(ids: Sequence[str], tokenizer: Any) -> list[list[int]]:
    """Tokenise citations, each by itself, so that an id has the same tokens wherever it stands.

    Args:
        ids: The ids.
        tokenizer: The model's `transformers` tokenizer.
    """
    if not ids:
        return []
    texts = [citation(id) for id in ids]
    tokens: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return tokens


def tokens_of_begin(token_ids: Sequence[int], begin: str, tokenizer: Any) -> list[int]:
    """Return the tokens of the begin of a response.

    Args:
        token_ids: The tokens of the whole response.
        begin: The begin of its text.
        tokenizer: The model's `transformers` tokenizer.

    Returns:
        Those of the response's own tokens that hold no more than the begin. Where a token reaches
        over its end, as one for `. [` would, what is missing is tokenised.
    """
    for count in range(len(token_ids), -1, -1):
        shown = tokenizer.decode(token_ids[:count], skip_special_tokens=True)
        if begin.startswith(shown):
            break
    missing = begin[len(shown) :]
    more = tokenizer(missing, add_special_tokens=False)["input_ids"] if missing else []
    return [*token_ids[:count], *more]
