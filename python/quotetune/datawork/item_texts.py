"""The text of evaluation items that counts: normalised, without boilerplate, long enough."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from quotetune.corpus.normalizing import aligned
from quotetune.datawork.evaluation_items import Item


@dataclass(frozen=True)
class Piece:
    """A stretch of an item's text that no ignored text interrupts.

    Attributes:
        item: Number of the item.
        text: The text, normalised.
    """

    item: int
    text: str


@dataclass
class ItemTexts:
    """The texts of items that are looked for.

    Attributes:
        items: The items.
        pieces: Pieces of n characters or more, of all items.
        characters: For each item the characters of its pieces.
        whole: For items without such a piece, the longest text, normalised: a number of the item
            and the text.
    """

    items: list[Item]
    pieces: list[Piece] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    whole: list[Piece] = field(default_factory=list)


def item_texts(
    items: Iterable[Item], n: int, normalization: str, ignored: Sequence[str] = ()
) -> ItemTexts:
    """Normalise items, and cut them at the texts that are ignored.

    Ignored texts match after normalisation, the longest first. No n-gram contains a character of
    them, so what is left of an item on their two sides is looked for separately.

    Args:
        items: The items.
        n: Characters that a piece must have at least.
        normalization: How texts are normalised.
        ignored: The texts that are ignored.

    Example:
        >>> item = Item("quiz", "1", ("Which of the following is cold? Ice or fire?", "Ice"))
        >>> texts = item_texts([item], 20, "squash", ["Which of the following"])
        >>> texts.pieces, texts.characters
        ([Piece(item=0, text=' is cold? Ice or fire?')], [22])
    """
    boilerplate = [aligned(text, normalization)[0] for text in ignored]
    longest_first = sorted(filter(None, boilerplate), key=len, reverse=True)
    separator = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
    result = ItemTexts(list(items))
    for number, item in enumerate(result.items):
        normal = dict.fromkeys(aligned(text, normalization)[0] for text in item.texts)
        stretches = [
            part for text in normal for part in (separator.split(text) if separator else [text])
        ]
        pieces = [Piece(number, part) for part in dict.fromkeys(stretches) if len(part) >= n]
        result.pieces += pieces
        result.characters.append(sum(len(piece.text) for piece in pieces))
        longest = max(normal, key=len)
        if not pieces and longest:
            result.whole.append(Piece(number, longest))
    return result
