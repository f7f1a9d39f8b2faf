"""The answers of an index, computed in the slow and obvious way."""

import re
from dataclasses import dataclass
from functools import cache, cached_property

from naive_fold import fold_with_origins

Span = tuple[int, int]


def squash(text: str) -> str:
    """Apply the published rules, one pass per rule."""
    text = re.sub(r"[\r\n]+", "\n", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r"\n\s", "\n", text)
    return text.strip()


def squash_with_origins(text: str, spans: list[Span] | None = None) -> tuple[str, list[Span]]:
    """Return the squashed text and, for each of its characters, the span that it replaces.

    `spans` are those that the characters of `text` replace themselves; by default each is its own.
    """
    characters = text
    spans = spans if spans is not None else [(at, at + 1) for at in range(len(text))]
    for pattern, kept in ((r"[\r\n]+", "\n"), (r"[^\S\n]+", " "), (r"\n\s", "\n")):
        replaced, origins, at = "", [], 0
        for match in re.finditer(pattern, characters):
            replaced += characters[at : match.start()] + kept
            origins += spans[at : match.start()]
            run = spans[match.start() : match.end()]
            origins.append(widened(run))
            at = match.end()
        characters, spans = replaced + characters[at:], origins + spans[at:]
    first = len(characters) - len(characters.lstrip())
    squashed = characters.strip()
    return squashed, spans[first : first + len(squashed)]


def widened(spans: list[Span]) -> Span:
    """The shortest span that holds all of some."""
    return min(start for start, _ in spans), max(end for _, end in spans)


def windows(text: str, n: int) -> list[str]:
    return [text[at : at + n] for at in range(len(text) - n + 1)]


def occurrences(text: str, pattern: str) -> list[int]:
    """All places of a pattern, including overlapping ones."""
    found, at = [], text.find(pattern)
    while at >= 0:
        found.append(at)
        at = text.find(pattern, at + 1)
    return found


@dataclass
class NaiveQuote:
    start: int
    end: int
    text: str
    count: int
    documents: list[tuple[int, int]]


class NaiveIndex:
    """A list of normalised documents and the set of all their substrings."""

    def __init__(self, documents: list[str], n: int, normalization: str) -> None:
        self.n = n
        self.normalization = normalization
        self.given = documents
        # The same texts are asked for many times.
        self.normalized = cache(self._normalized)
        self.documents = [self.normalized(text)[0] for text in documents]
        self.substrings = {
            text[start:end]
            for text in self.documents
            for start in range(len(text))
            for end in range(start + 1, len(text) + 1)
        }

    def _normalized(self, text: str) -> tuple[str, list[Span]]:
        if self.normalization == "squash":
            return squash_with_origins(text)
        if self.normalization != "none":
            return squash_with_origins(*fold_with_origins(text, self.normalization == "fold-case"))
        return text, [(at, at + 1) for at in range(len(text))]

    def kept(self, number: int) -> str:
        """The text that the index gives back of a document."""
        return (self.given if "fold" in self.normalization else self.documents)[number]

    def offset(self, number: int, place: int) -> int:
        """Where a character of a normalised document is in the text that the index gives back."""
        if "fold" not in self.normalization:
            return place
        _, spans = self.normalized(self.given[number])
        # Not within what cannot be cut: a ligature, or marks that changed places.
        while place and widened(spans[:place])[1] > widened(spans[place:])[0]:
            place -= 1
        return widened(spans[place:])[0]

    @cached_property
    def grams(self) -> set[str]:
        return {gram for document in self.documents for gram in windows(document, self.n)}

    def numerator(self, text: str) -> int:
        return sum(gram in self.grams for gram in windows(self.normalized(text)[0], self.n))

    def topic_numerator(self, text: str, numbers: list[int]) -> int:
        grams = {gram for number in numbers for gram in windows(self.documents[number], self.n)}
        return sum(gram in grams for gram in windows(self.normalized(text)[0], self.n))

    def denominator(self, text: str) -> int:
        return max(0, len(self.normalized(text)[0]) - self.n + 1)

    def count(self, text: str) -> int:
        pattern = self.normalized(text)[0]
        return sum(len(occurrences(document, pattern)) for document in self.documents if pattern)

    def containing(self, clauses: list[list[str]]) -> list[int]:
        """The documents that contain a text of every clause."""
        patterns = [[self.normalized(text)[0] for text in clause] for clause in clauses]
        return [
            number
            for number, document in enumerate(self.documents)
            if all(any(pattern in document for pattern in clause) for clause in patterns)
        ]

    def repeats(self, chars: int, times: int) -> tuple[list[tuple[int, Span]], list[str]]:
        """The ranges of documents that repeat, and all texts that repeat and cannot be longer."""

        @cache
        def count(pattern: str) -> int:
            return sum(len(occurrences(document, pattern)) for document in self.documents)

        def often(document: str, start: int, end: int) -> bool:
            inside = start >= 0 and end <= len(document)
            return inside and count(document[start:end]) >= times

        ranges: list[tuple[int, Span]] = []
        texts: set[str] = set()
        for number, document in enumerate(self.documents):
            covered: list[Span] = []
            for start in range(len(document) - chars + 1):
                if often(document, start, start + chars):
                    if covered and covered[-1][1] >= start:
                        covered[-1] = (covered[-1][0], start + chars)
                    else:
                        covered.append((start, start + chars))
            ranges += [(number, span) for span in covered]
            texts |= {
                document[start:end]
                for start in range(len(document))
                for end in range(start + chars, len(document) + 1)
                if often(document, start, end)
                and not often(document, start - 1, end)
                and not often(document, start, end + 1)
            }
        return ranges, sorted(texts, key=lambda text: (-len(text), text.encode()))

    def spans(self, text: str, min_chars: int) -> list[Span]:
        """Spans that occur in a document, and no longer with one more character on either side."""
        text, _ = self.normalized(text)

        def occurs(start: int, end: int) -> bool:
            return start >= 0 and end <= len(text) and text[start:end] in self.substrings

        spans = []
        for start in range(len(text)):
            for end in range(start + min_chars, len(text) + 1):
                if not occurs(start, end):  # nor does what is longer
                    break
                if not occurs(start - 1, end) and not occurs(start, end + 1):
                    spans.append((start, end))
        return spans

    def quotes(self, text: str, min_chars: int, max_documents: int) -> list[NaiveQuote]:
        normalized, origins = self.normalized(text)
        quotes = []
        for start, end in self.spans(text, min_chars):
            pattern = normalized[start:end]
            places = [occurrences(document, pattern) for document in self.documents]
            first = [
                (number, self.offset(number, found[0]))
                for number, found in enumerate(places)
                if found
            ]
            quotes.append(
                NaiveQuote(
                    *widened(origins[start:end]),
                    pattern,
                    sum(map(len, places)),
                    first[:max_documents],
                )
            )
        return quotes

    def covered(self, text: str) -> list[Span]:
        """Runs of characters inside spans of n characters or more, in the text as given."""
        _, origins = self.normalized(text)
        inside: set[int] = set()
        for start, end in self._runs({at for s in self.spans(text, self.n) for at in range(*s)}):
            inside.update(range(*widened(origins[start:end])))
        return self._runs(inside)

    @staticmethod
    def _runs(inside: set[int]) -> list[Span]:
        runs: list[Span] = []
        for at in sorted(inside):
            if runs and runs[-1][1] == at:
                runs[-1] = (runs[-1][0], at + 1)
            else:
                runs.append((at, at + 1))
        return runs
