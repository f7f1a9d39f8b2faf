"""Decide which evaluation items a document contaminates."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quotetune.corpus.build import build_index
from quotetune.corpus.index import Index
from quotetune.corpus.normalizing import aligned
from quotetune.corpus.results import Document
from quotetune.datawork.cutting import Span
from quotetune.datawork.item_texts import ItemTexts
from quotetune.datawork.ngram_places import NgramPlaces
from quotetune.datawork.whole_words import WholeWords

# So few false positives that hardly a document has one. The filter is small in any case.
_FPR = 1e-6


@dataclass(frozen=True)
class Rule:
    """When a document contaminates an item.

    Attributes:
        n: Characters that a match must have to count.
        share: Share of the item that the document must cover with matches.
        longest: Characters of one match that are enough, whatever their share.
    """

    n: int
    share: float
    longest: int


@dataclass(frozen=True)
class Findings:
    """What a document has in common with items, as arrays.

    Attributes:
        items: Numbers of the items, in order.
        share: For each of them, the share of its characters that the document covers.
        longest: The characters of its longest match.
        is_contaminated: Whether that is enough.
        match_items: The matches, longest first: their items, and
        match_spans: their spans of the document's text as given, of shape (matches, 2).
        windows: The n-grams that occur (see `Matches.windows`).
    """

    items: NDArray[np.int64]
    share: NDArray[np.float64]
    longest: NDArray[np.int64]
    is_contaminated: NDArray[np.bool_]
    match_items: NDArray[np.int64]
    match_spans: NDArray[np.int64]
    windows: NDArray[np.int64]

    @property
    def contaminated_items(self) -> NDArray[np.int64]:
        """The items that the document contaminates."""
        return self.items[self.is_contaminated]

    def contaminated_spans(self) -> list[Span]:
        """Return the matches with items that the document contaminates."""
        wanted = np.isin(self.match_items, self.contaminated_items)
        return [(start, end) for start, end in self.match_spans[wanted].tolist()]


class Detector:
    """Finds what documents have in common with evaluation items.

    Attributes:
        texts: The texts of the items.
        places: The n-grams of these texts.
        filters: Indexes of the n-grams of these texts, through which documents go first.
    """

    def __init__(
        self, texts: ItemTexts, rule: Rule, normalization: str, *, whole: bool, filters: list[Index]
    ) -> None:
        self.texts = texts
        self.filters = filters
        self._rule = rule
        self._normalization = normalization
        self.places = NgramPlaces([piece.text for piece in texts.pieces], rule.n)
        short = texts.whole if whole else []
        self._whole = WholeWords([piece.text for piece in short])
        self._whole_lengths = np.array([len(piece.text) for piece in short], np.int64)
        self._item_of_whole = np.array([piece.item for piece in short], np.int64)
        self._item_of_piece = np.array([piece.item for piece in texts.pieces], np.int64)
        self._characters = np.array(texts.characters, np.int64)
        self._characters[self._item_of_whole] = self._whole_lengths

    def findings(self, text: str) -> Findings:
        """Return what a document has in common with items."""
        normal, spans = aligned(text, self._normalization)
        found = self.places.matches(normal)
        whole = np.array(self._whole.places(normal), np.int64).reshape(-1, 2)
        matched = np.concatenate(
            [self._item_of_piece[found.text], self._item_of_whole[whole[:, 0]]]
        )
        starts = np.concatenate([found.place, whole[:, 1]])
        lengths = np.concatenate([found.length, self._whole_lengths[whole[:, 0]]])
        # A short item is covered whole, however often it occurs.
        covered = np.concatenate([found.covered(), self._whole_lengths[whole[:, 0]]])
        items, number = np.unique(matched, return_inverse=True)
        longest = np.zeros(len(items), np.int64)
        np.maximum.at(longest, number, lengths)
        characters = np.bincount(number, covered, len(items))
        share = np.minimum(characters / self._characters[items], 1.0)
        return Findings(
            items,
            share,
            longest,
            (share >= self._rule.share)
            | (longest >= self._rule.longest)
            | np.isin(items, self._item_of_whole[whole[:, 0]]),
            matched,
            _given_spans(spans, starts, lengths),
            found.windows,
        )


def _given_spans(
    spans: NDArray[np.int64], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the spans of the text as given that stretches of the normalised text come from."""
    if (np.diff(spans, axis=0) >= 0).all():
        return np.stack([spans[starts, 0], spans[starts + lengths - 1, 1]], axis=1)
    # Folding may put marks of one character into another order.
    given = [
        (spans[start : start + length, 0].min(), spans[start : start + length, 1].max())
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]
    return np.array(given, np.int64).reshape(-1, 2)


@contextmanager
def detector(
    texts: ItemTexts, rule: Rule, normalization: str, *, whole: bool
) -> Iterator[Detector]:
    """Make a detector, whose filters are indexes in a temporary directory.

    Args:
        texts: The texts of the items.
        rule: What counts as contaminated.
        normalization: How the texts were normalised, and documents are to be.
        whole: Whether items without a piece of n characters are looked for as whole words.

    Yields:
        The detector.
    """
    given = [text for item in texts.items for text in item.texts]
    with ExitStack() as stack:
        filters = [stack.enter_context(_filter(given, rule.n, normalization))]
        if whole and texts.whole:
            # Its n-grams are those of the shortest text, and would be too short for the others.
            short = [text for piece in texts.whole for text in texts.items[piece.item].texts]
            length = min(len(piece.text) for piece in texts.whole)
            filters.append(stack.enter_context(_filter(short, length, normalization)))
        yield Detector(texts, rule, normalization, whole=whole, filters=filters)


@contextmanager
def _filter(texts: list[str], n: int, normalization: str) -> Iterator[Index]:
    """Build an index of texts in a temporary directory.

    The texts are as given: to normalise one twice is to change it.
    """
    documents = (Document("items", str(number), text) for number, text in enumerate(texts))
    with tempfile.TemporaryDirectory(prefix="quotetune-items-") as folder:
        yield build_index(
            documents,
            Path(folder, "index"),
            n=n,
            normalization=normalization,
            structures="bloom",
            fpr=_FPR,
        )
