"""The index of a corpus's tokens, which counts token n-grams.

Each token is one character of the supplementary private use area, which normalisation leaves alone.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quotetune import build_index

INDEX_VARIABLE, WEIGHT_VARIABLE = "INFINITY_GRAM_INDEX", "INFINITY_GRAM_WEIGHT"
_FIRST = 0xF0000
_SIZE = 0xFFFE


def as_text(tokens: Iterable[int]) -> str:
    """Write tokens as one character each.

    Example:
        >>> [hex(ord(character)) for character in as_text([0, 17])]
        ['0xf0000', '0xf0011']
    """
    return "".join(chr(_FIRST + token) for token in tokens)


def build_token_index(documents: Iterable[str], tokenizer: Any, place: Path) -> None:
    """Build the index of a corpus's tokens.

    Args:
        documents: The texts of the corpus.
        tokenizer: A tokenizer of `transformers` with at most 65,534 tokens.
        place: The directory to create.

    Raises:
        ValueError: The tokenizer has more tokens than there are characters for them.
    """
    if len(tokenizer) > _SIZE:
        raise ValueError(f"{len(tokenizer)} tokens do not fit {_SIZE} characters")
    written = (as_text(tokenizer(text, add_special_tokens=False).input_ids) for text in documents)
    build_index((text for text in written if text), place, structures=["suffix"])
