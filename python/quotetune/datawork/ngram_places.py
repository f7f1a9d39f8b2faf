"""Where each n-gram of a few texts occurs, for all n-grams of a document at once.

An index answers where a quote occurs, and not where each of its parts occurs, too. Near-duplicates
among the texts need that: a document contains one of them, and most of the others. All n-grams of
the texts are kept as sorted 64-bit hashes, 16 bytes each, and looked up together. The answer is
exact, because n-grams of equal hash are compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BASE = 0x9E3779B97F4A7C15
_SEPARATOR = 0xFFFFFFFF  # no character


@dataclass(frozen=True)
class Matches:
    """Maximal common substrings of texts and a document, longest first: an array of each property.

    Attributes:
        text: Number of the text.
        start: First character in the text.
        place: First character in the document.
        length: Characters.
        windows: The n-grams of the texts that occur in the document, as `coverage` takes them.
    """

    text: NDArray[np.int64]
    start: NDArray[np.int64]
    place: NDArray[np.int64]
    length: NDArray[np.int64]
    windows: NDArray[np.int64]

    def covered(self) -> NDArray[np.int64]:
        """Return for each match the characters of its text that no other match counts."""
        counted = np.zeros(len(self.text), np.int64)
        order = np.lexsort((self.start, self.text))
        # Texts one after the other, each further away than a text is long.
        shift = self.text[order] * (np.int64(1) << 32)
        starts = self.start[order] + shift
        ends = starts + self.length[order]
        before = np.maximum.accumulate(np.concatenate([[0], ends[:-1]]))[: len(ends)]
        counted[order] = np.maximum(ends - np.maximum(starts, before), 0)
        return counted


class NgramPlaces:
    """The n-grams of texts, and the places of each.

    Example:
        >>> found = NgramPlaces(["banana", "bandana"], 3).matches("a band")
        >>> found.text.tolist(), found.place.tolist(), found.length.tolist()
        ([1, 0], [2, 2], [4, 3])
    """

    def __init__(self, texts: Sequence[str], n: int) -> None:
        """Hash the n-grams of texts.

        Args:
            texts: The texts, normalised. One of fewer than n characters has no n-grams.
            n: Length of an n-gram in characters.
        """
        self._n = n
        codes = [_codes(text) for text in texts]
        lengths = np.array([len(code) + 1 for code in codes], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        separator = np.array([_SEPARATOR], np.uint32)
        parts = [part for code in codes for part in (code, separator)]
        self._codes = np.concatenate(parts) if parts else separator[:0]
        windows = [
            np.arange(start, start + len(code) - n + 1)
            for start, code in zip(self._starts, codes, strict=False)
            if len(code) >= n
        ]
        places = np.concatenate(windows) if windows else np.zeros(0, np.int64)
        base = _BASE
        while True:
            self._base = base
            hashes = self._hashes(self._codes)[places]
            order = np.argsort(hashes, kind="stable")
            self._sorted, self._places = hashes[order], places[order]
            if self._are_distinct():
                return
            base += 2  # two n-grams have one hash: with other hashes, they have not

    @property
    def windows(self) -> int:
        """A number larger than any of `Matches.windows`."""
        return len(self._codes)

    def coverage(self, is_found: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the characters of each text that n-grams cover.

        Args:
            is_found: For each number below `windows`, whether that n-gram counts.
        """
        changes = np.zeros(len(self._codes) + 1, np.int64)
        found = np.flatnonzero(is_found)
        changes[found] += 1
        changes[found + self._n] -= 1
        total = np.concatenate([[0], np.cumsum(np.cumsum(changes[:-1]) > 0)])
        covered: NDArray[np.int64] = total[self._starts[1:]] - total[self._starts[:-1]]
        return covered

    def matches(self, document: str) -> Matches:
        """Return the maximal common substrings of n characters or more with each of the texts.

        Args:
            document: The document, normalised.

        Returns:
            The matches. A substring that occurs at several places, of a text or of the document, is
            a match for each pair of them.
        """
        codes = _codes(document)
        hashes = self._hashes(codes)
        first = np.searchsorted(self._sorted, hashes)
        is_in = first < len(self._sorted)
        is_in[is_in] = self._sorted[first[is_in]] == hashes[is_in]
        found = np.flatnonzero(is_in)
        found = found[self._equal(codes, found, self._codes, self._places[first[found]])]
        first = first[found]
        counts = np.searchsorted(self._sorted, hashes[found], "right") - first
        # Each place of each n-gram that was found.
        at = np.repeat(found, counts)
        within = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._runs(at, self._places[np.repeat(first, counts) + within])

    def _runs(self, at: NDArray[np.int64], windows: NDArray[np.int64]) -> Matches:
        """Join n-grams that follow each other in the document and in the text."""
        diagonals = windows - at
        order = np.lexsort((at, diagonals))
        at, ordered, diagonals = at[order], windows[order], diagonals[order]
        breaks = np.flatnonzero((np.diff(diagonals) != 0) | (np.diff(at) != 1)) + 1
        starts = np.concatenate([np.zeros(min(len(at), 1), np.int64), breaks])
        lengths = np.diff(np.append(starts, len(at))) + self._n - 1
        texts = np.searchsorted(self._starts, ordered[starts], "right") - 1
        by_length = np.argsort(-lengths, kind="stable")
        starts, texts, lengths = starts[by_length], texts[by_length], lengths[by_length]
        return Matches(texts, ordered[starts] - self._starts[texts], at[starts], lengths, windows)

    def _hashes(self, codes: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """Hash all windows: a polynomial of their characters, modulo 2^64."""
        count = max(len(codes) - self._n + 1, 0)
        base = np.uint64(self._base)
        hashes = np.zeros(count, np.uint64)
        for offset in range(self._n):
            hashes *= base
            hashes += codes[offset : offset + count]
        # The low bits of the product alone depend on the low bits of the characters.
        return hashes ^ (hashes >> np.uint64(32))

    def _are_distinct(self) -> bool:
        """Return whether no two different n-grams have the same hash."""
        same = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
        one, other = self._places[same], self._places[same + 1]
        return bool(self._equal(self._codes, one, self._codes, other).all())

    def _equal(
        self,
        codes: NDArray[np.uint32],
        at: NDArray[np.int64],
        others: NDArray[np.uint32],
        places: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Return whether the n-grams at places of two arrays are the same, pair by pair."""
        equal = np.ones(len(at), np.bool_)
        for offset in range(self._n):
            equal &= codes[at + offset] == others[places + offset]
        return equal


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
