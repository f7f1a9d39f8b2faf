"""Find short texts in documents, where each is whole words."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class WholeWords:
    """Short texts that are looked for all at once.

    The first few characters of each, as many as the shortest text has, lead to the texts that start
    with them.

    Example:
        >>> WholeWords(["red fox", "fox"]).places("a red fox, two foxes")
        [(0, 2), (1, 6)]
    """

    texts: Sequence[str]
    starts: dict[str, list[int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.length = min(map(len, self.texts), default=0)
        for number, text in enumerate(self.texts):
            self.starts.setdefault(text[: self.length], []).append(number)

    def places(self, document: str) -> list[tuple[int, int]]:
        """Return each occurrence of a text as whole words: the number of the text, and the place.

        A text is not whole words if a letter or digit at one of its ends is beside another one.

        Args:
            document: The document, normalised.
        """
        found: list[tuple[int, int]] = []
        if not self.texts:
            return found
        for place in range(len(document) - self.length + 1):
            for number in self.starts.get(document[place : place + self.length], ()):
                end = place + len(self.texts[number])
                if document.startswith(self.texts[number], place) and not (
                    _in_word(document, place) or _in_word(document, end)
                ):
                    found.append((number, place))
        return found


def _in_word(text: str, place: int) -> bool:
    """Return whether there are letters or digits on both sides of a place."""
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()
