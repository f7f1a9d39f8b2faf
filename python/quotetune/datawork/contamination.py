"""Decide which evaluation items a document contaminates."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

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
        match_items: The longest matches, longest first: their items,
        match_lengths: their characters after normalisation, and
        match_spans: their spans of the document's text as given, of shape (matches, 2).
        contaminated: The spans of the text as given that all matches with contaminated items cover,
            of shape (spans, 2).
        windows: The n-grams that occur (see `Overlap.windows`).
    """

    items: NDArray[np.int64]
    share: NDArray[np.float64]
    longest: NDArray[np.int64]
    is_contaminated: NDArray[np.bool_]
    match_items: NDArray[np.int64]
    match_lengths: NDArray[np.int64]
    match_spans: NDArray[np.int64]
    contaminated: NDArray[np.int64]
    windows: NDArray[np.int64]

    @property
    def contaminated_items(self) -> NDArray[np.int64]:
        """The items that the document contaminates."""
        return self.items[self.is_contaminated]

    def contaminated_spans(self) -> list[Span]:
        """Return the spans that matches with contaminated items cover."""
        return [(start, end) for start, end in self.contaminated.tolist()]


class Detector:
    """Finds what documents have in common with evaluation items.

    Attributes:
        texts: The texts of the items.
        places: The n-grams of these texts.
        filters: Indexes of the n-grams of these texts, through which documents go first.
    """

    def __init__(
        self,
        texts: ItemTexts,
        rule: Rule,
        normalization: str,
        *,
        whole: bool,
        max_matches: int,
        filters: list[Index],
    ) -> None:
        self.texts = texts
        self.filters = filters
        self._rule = rule
        self._normalization = normalization
        self._max_matches = max(max_matches, 1)  # the longest one is always told
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
        # The filter has seen every n-gram of a piece, and answers in the core.
        [(_, is_near)] = self.filters[0].windows([text])
        overlap = self.places.overlap(normal, is_near)
        found = overlap.matches(self._max_matches)
        whole, whole_spans = self._whole_matches(normal)
        whole_lengths = self._whole_lengths[whole[:, 0]]
        matched = np.concatenate(
            [self._item_of_piece[found.text], self._item_of_whole[whole[:, 0]]]
        )
        starts = np.concatenate([found.place, whole[:, 1]])
        lengths = np.concatenate([found.length, whole_lengths])
        items, number = np.unique(matched, return_inverse=True)
        longest = np.zeros(len(items), np.int64)
        np.maximum.at(longest, number, lengths)
        # A short item is covered whole, however often it occurs.
        is_whole = np.isin(items, self._item_of_whole[whole[:, 0]])
        covered = self.places.covered(overlap.windows)
        touched = np.flatnonzero(covered)
        characters = np.zeros(len(items), np.int64)
        np.add.at(
            characters, np.searchsorted(items, self._item_of_piece[touched]), covered[touched]
        )
        share = np.where(is_whole, 1.0, characters / self._characters[items])
        is_contaminated = is_whole | (share >= self._rule.share) | (longest >= self._rule.longest)
        contaminated = whole_spans
        if is_contaminated.any():
            is_wanted = np.isin(self._item_of_piece, items[is_contaminated])
            contaminated = np.concatenate([overlap.spans(is_wanted), whole_spans])
        order = np.argsort(-lengths, kind="stable")
        return Findings(
            items,
            share,
            longest,
            is_contaminated,
            matched[order],
            lengths[order],
            _given_spans(spans, starts[order], lengths[order]),
            _given_spans(spans, contaminated[:, 0], contaminated[:, 1] - contaminated[:, 0]),
            overlap.windows,
        )

    def _whole_matches(self, normal: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first matches with each short text, and the spans of all, each span once."""
        found = self._whole.places(normal)
        matches = [
            (number, place)
            for text, places in found.items()
            for number in self._whole.numbers[len(text)][text]
            for place in places[: self._max_matches]
        ]
        spans = [(place, place + len(text)) for text, places in found.items() for place in places]
        return _pairs(matches), _pairs(spans)


def _pairs(pairs: list[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(pairs, np.int64).reshape(-1, 2)


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
    return _pairs(given)


@contextmanager
def detector(
    texts: ItemTexts, rule: Rule, normalization: str, folder: Path, *, whole: bool, max_matches: int
) -> Iterator[Detector]:
    """Make a detector, whose filters are indexes in a folder.

    Args:
        texts: The texts of the items.
        rule: What counts as contaminated.
        normalization: How the texts were normalised, and documents are to be.
        folder: Where the filters go; it exists, and they are removed from it in the end.
        whole: Whether items without a piece of n characters are looked for as whole words.
        max_matches: Matches to find for each text of an item, and at least one; the longest ones.

    Yields:
        The detector.
    """
    given = [text for item in texts.items for text in item.texts]
    with TemporaryDirectory(prefix=".items-", dir=folder) as made:
        filters = [_filter(given, Path(made, "all"), rule.n, normalization)]
        if whole and texts.whole:
            # Its n-grams are those of the shortest text, and would be too short for the others.
            short = [text for piece in texts.whole for text in texts.items[piece.item].texts]
            length = min(len(piece.text) for piece in texts.whole)
            filters.append(_filter(short, Path(made, "short"), length, normalization))
        yield Detector(
            texts, rule, normalization, whole=whole, max_matches=max_matches, filters=filters
        )


def _filter(texts: list[str], path: Path, n: int, normalization: str) -> Index:
    """Build an index of texts, which are as given: to normalise one twice is to change it."""
    documents = (Document("items", str(number), text) for number, text in enumerate(texts))
    return build_index(
        documents, path, n=n, normalization=normalization, structures="bloom", fpr=_FPR
    )
