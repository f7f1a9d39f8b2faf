"""Decide which evaluation items a document contaminates."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from quotetune.corpus.build import build_index
from quotetune.corpus.index import Index
from quotetune.corpus.normalizing import aligned
from quotetune.corpus.results import Document
from quotetune.datawork.cutting import Span, united
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


@dataclass
class Finding:
    """What a document has in common with an item.

    Attributes:
        item: Number of the item.
        spans: Matched characters of each of its pieces, by the number of the piece.
        places: The matches in the document: spans of the text as given, longest first.
        longest: Characters of the longest match.
        share: Share of the item's characters that the document covers.
        is_contaminated: Whether that is enough.
    """

    item: int
    spans: dict[int, list[Span]] = field(default_factory=dict)
    places: list[Span] = field(default_factory=list)
    longest: int = 0
    share: float = 0.0
    is_contaminated: bool = False


class Detector:
    """Finds what documents have in common with evaluation items.

    Attributes:
        texts: The texts of the items.
        filters: Indexes of the n-grams of these texts, through which documents go first.
    """

    def __init__(
        self, texts: ItemTexts, rule: Rule, normalization: str, *, whole: bool, filters: list[Index]
    ) -> None:
        self.texts = texts
        self.filters = filters
        self._rule = rule
        self._normalization = normalization
        self._places = NgramPlaces([piece.text for piece in texts.pieces], rule.n)
        self._whole = WholeWords([piece.text for piece in texts.whole] if whole else [])

    def findings(self, text: str) -> list[Finding]:
        """Return what a document has in common with each item, in the order of the items."""
        normal, spans = aligned(text, self._normalization)
        found: dict[int, Finding] = {}
        for match in self._places.matches(normal):
            item = self.texts.pieces[match.text].item
            finding = found.setdefault(item, Finding(item))
            end = match.start + match.length
            finding.spans.setdefault(match.text, []).append((match.start, end))
            place = spans[match.place : match.place + match.length]
            finding.places.append((int(place[:, 0].min()), int(place[:, 1].max())))
            finding.longest = max(finding.longest, match.length)
        for finding in found.values():
            finding.spans = {piece: united(parts) for piece, parts in finding.spans.items()}
            covered = sum(end - start for parts in finding.spans.values() for start, end in parts)
            finding.share = covered / self.texts.characters[finding.item]
            finding.is_contaminated = (
                finding.share >= self._rule.share or finding.longest >= self._rule.longest
            )
        for number, at in self._whole.places(normal):
            piece = self.texts.whole[number]
            finding = found.setdefault(piece.item, Finding(piece.item))
            finding.longest = len(piece.text)
            finding.share, finding.is_contaminated = 1.0, True
            place = spans[at : at + len(piece.text)]
            finding.places.append((int(place[:, 0].min()), int(place[:, 1].max())))
        return [found[item] for item in sorted(found)]


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
