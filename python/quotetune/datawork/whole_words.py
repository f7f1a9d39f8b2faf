"""Find short texts in documents, where each is whole words."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class WholeWords:
    """Short texts that are looked for all at once.

    Attributes:
        texts: The texts, of which several may be the same.
        numbers: For each length the texts of that length, and the numbers of each.

    Example:
        >>> WholeWords(["red fox", "fox", "fox"]).places("a red fox, two foxes or a fox")
        {'fox': [6, 26], 'red fox': [2]}
    """

    texts: Sequence[str]
    numbers: dict[int, dict[str, list[int]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for number, text in enumerate(self.texts):
            of_length = self.numbers.setdefault(len(text), {})
            of_length.setdefault(text, []).append(number)

    def places(self, document: str) -> dict[str, list[int]]:
        """Return the texts that occur as whole words, and where each does.

        A text is not whole words if a letter or digit at one of its ends is beside another one.

        Args:
            document: The document, normalised.
        """
        found: dict[str, list[int]] = {}
        if not self.numbers:
            return found
        edges = _edges(document)
        are_edges = set(edges)
        for length, of_length in sorted(self.numbers.items()):
            for place in edges:
                end = place + length
                if end in are_edges and (text := document[place:end]) in of_length:
                    found.setdefault(text, []).append(place)
        return found


def _edges(text: str) -> list[int]:
    """Return the places without letters or digits on both sides."""
    # Python is asked about each different character once.
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    different, number = np.unique(codes, return_inverse=True)
    is_word = np.array([chr(code).isalnum() for code in different.tolist()], np.bool_)
    in_word = np.pad(is_word[number], 1)
    edges: list[int] = np.flatnonzero(~(in_word[:-1] & in_word[1:])).tolist()
    return edges
