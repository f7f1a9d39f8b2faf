"""Which n-grams of many texts a document contains, and the longest matches with each text.

An index answers where a quote occurs, and not where each of its parts occurs, too. Near-duplicates
among the texts need that: a document contains one of them, and most of the others. All n-grams of
the texts are kept in two orders, about 40 bytes each, and looked up together. The answer is exact,
because n-grams of equal hash are compared.

A line of dashes in a text and in a document, or a question that many texts begin with, gives more
pairs of places than memory has room for. So only the two ends of a match are made, which are pairs
of equal n-grams with different characters beside them, and these a bounded number at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_BASE = 0x9E3779B97F4A7C15
# No characters: what is beside the texts, and beside the document.
_SEPARATOR, _EDGE = 0xFFFFFFFF, 0xFFFFFFFE
# Ends of matches that are in memory at once, besides those of one place.
_ENDS = 1 << 18

_Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Matches:
    """Maximal common substrings of texts and a document, longest first: an array of each property.

    Attributes:
        text: Number of the text.
        start: First character in the text.
        place: First character in the document.
        length: Characters.
    """

    text: _Numbers
    start: _Numbers
    place: _Numbers
    length: _Numbers


class NgramPlaces:
    """The n-grams of texts, and the places of each.

    Example:
        >>> places = NgramPlaces(["banana", "bandana"], 3)
        >>> found = places.overlap("a band").matches(10)
        >>> found.text.tolist(), found.place.tolist(), found.length.tolist()
        ([1, 0], [2, 2], [4, 3])
    """

    def __init__(self, texts: Sequence[str], n: int) -> None:
        """Hash the n-grams of texts.

        Args:
            texts: The texts, normalised. One of fewer than n characters has no n-grams.
            n: Length of an n-gram in characters.
        """
        self.n = n
        codes = [_codes(text) for text in texts]
        separator = np.array([_SEPARATOR], np.uint32)
        self.codes = np.concatenate([separator, *(p for code in codes for p in (code, separator))])
        lengths = np.array([len(code) + 1 for code in codes], np.int64)
        self.starts = np.concatenate([[1], 1 + np.cumsum(lengths)])
        of_code: Any = np.arange(-1, len(codes), dtype=np.int32)
        self._text_of = np.repeat(of_code, np.concatenate([[1], lengths]))
        # Half as many bytes, if that is enough for the places.
        small: Any = np.int32 if len(self.codes) < 1 << 31 else np.int64
        windows = [
            np.arange(start, start + len(code) - n + 1, dtype=small)
            for start, code in zip(self.starts.tolist(), codes, strict=False)
            if len(code) >= n
        ]
        places = np.concatenate([np.zeros(0, small), *windows])
        del codes, windows
        self._base = _BASE
        while (ordered := self._in_order_of_hashes(places)) is None:
            self._base += 2  # two n-grams have one hash: with other hashes, they have not
        hashes, places = ordered
        is_new = np.concatenate([[True], hashes[1:] != hashes[:-1]])[: len(hashes)]
        # The n-grams are numbered in the order of their hashes.
        self.ngrams = hashes[is_new]
        self.first = np.append(np.flatnonzero(is_new), len(hashes)).astype(small)
        del ordered, hashes
        numbers = np.cumsum(is_new, dtype=small) - 1
        self.before = _Order(numbers, places, self.codes[places - 1])
        self.after = _Order(numbers, places, self.codes[places + n])

    def _in_order_of_hashes(self, places: _Numbers) -> tuple[NDArray[np.uint64], _Numbers] | None:
        """Sort n-grams by their hashes; None if two different ones have the same hash."""
        hashes = self.hashes(self.codes, places)
        order = np.argsort(hashes, kind="stable")
        hashes, places = hashes[order], places[order]
        same = np.flatnonzero(hashes[1:] == hashes[:-1])
        is_exact = self.equal(self.codes, places[same], places[same + 1]).all()
        return (hashes, places) if is_exact else None

    @property
    def windows(self) -> int:
        """A number larger than any of `Overlap.windows`."""
        return len(self.codes)

    def covered(self, windows: _Numbers) -> _Numbers:
        """Return the characters of each text that some of its n-grams cover.

        Args:
            windows: The n-grams, in order (see `Overlap.windows`).
        """
        # The last n-gram of a text is more than n characters before the first of the next one.
        new = np.minimum(np.diff(windows, append=windows[-1:] + self.n), self.n)
        covered = np.bincount(self.texts_of(windows), new, len(self.starts) - 1)
        return covered.astype(np.int64)

    def overlap(self, document: str, is_near: NDArray[np.bool_] | None = None) -> "Overlap":
        """Return what a document has in common with the texts.

        Args:
            document: The document, normalised.
            is_near: For each n-gram of the document, whether it may be in a text; by default, all
                may be. A filter answers this many times faster than the lookup here.
        """
        codes = _codes(document)
        if is_near is None:
            is_near = np.ones(max(len(codes) - self.n + 1, 0), np.bool_)
        at = np.flatnonzero(is_near)
        hashes = self.hashes(codes, at)
        ngrams = np.searchsorted(self.ngrams, hashes)
        is_in = ngrams < len(self.ngrams)
        is_in[is_in] = self.ngrams[ngrams[is_in]] == hashes[is_in]
        at, ngrams = at[is_in], ngrams[is_in]
        is_equal = self.equal(codes, at, self.before.places[self.first[ngrams]])
        return Overlap(self, codes, at[is_equal], ngrams[is_equal])

    def texts_of(self, windows: _Numbers) -> _Numbers:
        """Return the numbers of the texts that n-grams are in."""
        return self._text_of[windows]

    def hashes(self, codes: NDArray[np.uint32], at: _Numbers) -> NDArray[np.uint64]:
        """Hash the windows at some places: a polynomial of their characters, modulo 2^64."""
        base = np.uint64(self._base)
        hashes = np.zeros(len(at), np.uint64)
        for offset in range(self.n):
            hashes *= base
            hashes += codes[at + offset]
        # The low bits of the product alone depend on the low bits of the characters.
        return hashes ^ (hashes >> np.uint64(32))

    def equal(
        self, codes: NDArray[np.uint32], at: _Numbers, windows: _Numbers
    ) -> NDArray[np.bool_]:
        """Return whether n-grams at places of an array are the same as n-grams of the texts."""
        equal = np.ones(len(at), np.bool_)
        for offset in range(self.n):
            equal &= codes[at + offset] == self.codes[windows + offset]
        return equal


class _Order:
    """The n-grams of texts by their numbers, and those of a number by the character beside them."""

    def __init__(self, numbers: _Numbers, places: _Numbers, beside: NDArray[np.uint32]) -> None:
        keys = _keys(numbers, beside)
        order = np.argsort(keys, kind="stable")
        self.keys, self.places = keys[order], places[order]


class _Ends:
    """Pairs of equal n-grams of a document and of texts with different characters on one side."""

    def __init__(
        self,
        order: _Order,
        first: _Numbers,
        at: _Numbers,
        ngrams: _Numbers,
        beside: NDArray[np.uint32],
    ) -> None:
        keys = _keys(ngrams, beside)
        self._order, self._at = order, at
        # Of the n-grams from `first` on, those from `low` on have the same character.
        self._first = first[ngrams]
        self._low = np.searchsorted(order.keys, keys)
        self._same = np.searchsorted(order.keys, keys, "right") - self._low
        self.counts = first[ngrams + 1] - self._first - self._same

    def pairs(self, start: int, end: int) -> tuple[_Numbers, _Numbers]:
        """Return the places in the document and in the texts, for a slice of the document's."""
        counts = self.counts[start:end]
        before = np.cumsum(counts) - counts
        index = np.arange(counts.sum()) + np.repeat(self._first[start:end] - before, counts)
        is_past = index >= np.repeat(self._low[start:end], counts)
        index += is_past * np.repeat(self._same[start:end], counts)
        return np.repeat(self._at[start:end], counts), self._order.places[index]


class Overlap:
    """What a document has in common with texts (see `NgramPlaces.overlap`)."""

    def __init__(
        self, places: NgramPlaces, codes: NDArray[np.uint32], at: _Numbers, ngrams: _Numbers
    ) -> None:
        self._places, self._codes, self._at, self._ngrams = places, codes, at, ngrams

    @cached_property
    def windows(self) -> _Numbers:
        """The n-grams of the texts that occur in the document, in order."""
        return np.sort(self._windows_of(np.unique(self._ngrams))[0])

    def _windows_of(self, ngrams: _Numbers) -> tuple[_Numbers, _Numbers]:
        """Return where n-grams are in the texts, and which of the n-grams each is."""
        first = self._places.first[ngrams]
        counts = self._places.first[ngrams + 1] - first
        shift = np.repeat(first - np.cumsum(counts) + counts, counts)
        number = np.repeat(np.arange(len(ngrams)), counts)
        return self._places.before.places[np.arange(len(shift)) + shift], number

    def spans(self, is_wanted: NDArray[np.bool_]) -> _Numbers:
        """Return the stretches of the document that n-grams of some texts cover.

        Args:
            is_wanted: For each text whether it is one of them.

        Returns:
            Starts and ends, in order, of shape (stretches, 2). No two of them touch.
        """
        ngrams, number = np.unique(self._ngrams, return_inverse=True)
        windows, ngram = self._windows_of(ngrams)
        is_in = np.zeros(len(ngrams), np.bool_)
        is_in[ngram[is_wanted[self._places.texts_of(windows)]]] = True
        at = self._at[is_in[number]]
        is_gap = np.diff(at) > self._places.n
        starts = at[np.concatenate([[True], is_gap])[: len(at)]]
        ends = at[np.concatenate([is_gap, [True]])[-len(at) :]] if len(at) else at
        return np.stack([starts, ends + self._places.n], axis=1)

    def matches(self, most: int) -> Matches:
        """Return the longest maximal common substrings of n characters or more with each text.

        A substring that occurs at several places, of a text or of the document, is a match for each
        pair of them.

        Args:
            most: Matches to return for each text, at least 1; of equally long ones those that come
                first in the document, and then in the text.
        """
        kept = np.zeros((0, 4), np.int64)
        # The length that a match must exceed to be one of the longest of its text.
        enough = np.zeros(len(self._places.starts) - 1, np.int64)
        touched = np.unique(self._places.texts_of(self.windows))
        for matches in self._all_matches():
            # Most are too short for any text, and need not be sorted.
            is_long = matches[2] > enough[touched].min()
            windows, place, length = (values[is_long] for values in matches)
            text = self._places.texts_of(windows)
            is_long = length > enough[text]
            if not is_long.any():
                continue
            found = np.stack([text, windows - self._places.starts[text], place, length], axis=1)
            kept = np.concatenate([kept, found[is_long]])
            kept = kept[np.lexsort((kept[:, 1], kept[:, 2], -kept[:, 3], kept[:, 0]))]
            rank = np.arange(len(kept)) - np.searchsorted(kept[:, 0], kept[:, 0])
            last = kept[rank == most - 1]
            enough[last[:, 0]] = last[:, 3]
            kept = kept[rank < most]
        kept = kept[np.argsort(-kept[:, 3], kind="stable")]
        return Matches(*kept.T)

    def _all_matches(self) -> Iterator[tuple[_Numbers, _Numbers, _Numbers]]:
        """Yield arrays of places in texts, places in the document and lengths of all matches."""
        n, at, ngrams, places = self._places.n, self._at, self._ngrams, self._places
        if not len(at):
            return
        beside = np.pad(self._codes, 1, constant_values=_EDGE)
        left = _Ends(places.before, places.first, at, ngrams, beside[at])
        right = _Ends(places.after, places.first, at, ngrams, beside[at + n + 1])
        # A pair as one number: its diagonal, and its place in the document.
        size = len(self._codes)
        bits = size.bit_length()

        def pairs(ends: _Ends, start: int, end: int) -> _Numbers:
            place, window = ends.pairs(start, end)
            return ((window - place + size) << bits) | place

        part = np.cumsum(left.counts + right.counts) // _ENDS
        cuts = np.flatnonzero(np.diff(part)) + 1
        open_ = np.zeros(0, np.int64)
        for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(at)], strict=True):
            # On each diagonal, left and right ends alternate.
            lefts = np.sort(np.concatenate([open_, pairs(left, start, end)]))
            rights = np.sort(pairs(right, start, end))
            closed = np.searchsorted(lefts, rights, "right") - 1
            first = lefts[closed]
            open_ = np.delete(lefts, closed)
            place = first & ((1 << bits) - 1)
            yield (first >> bits) - size + place, place, rights - first + n


def _keys(numbers: _Numbers, beside: NDArray[np.uint32]) -> NDArray[np.uint64]:
    return (numbers.astype(np.uint64) << np.uint64(32)) | beside


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
