"""The answers of an index, computed in the slow and obvious way."""

import re
from dataclasses import dataclass

Span = tuple[int, int]


def squash(text: str) -> str:
    """Apply the published rules, one pass per rule."""
    text = re.sub(r"[\r\n]+", "\n", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r"\n\s", "\n", text)
    return text.strip()


def squash_with_origins(text: str) -> tuple[str, list[Span]]:
    """Return the squashed text and, for each of its characters, the span that it replaces."""
    characters = text
    spans = [(at, at + 1) for at in range(len(text))]
    for pattern, kept in ((r"[\r\n]+", "\n"), (r"[^\S\n]+", " "), (r"\n\s", "\n")):
        replaced, origins, at = "", [], 0
        for match in re.finditer(pattern, characters):
            replaced += characters[at : match.start()] + kept
            origins += spans[at : match.start()]
            origins.append((spans[match.start()][0], spans[match.end() - 1][1]))
            at = match.end()
        characters, spans = replaced + characters[at:], origins + spans[at:]
    first = len(characters) - len(characters.lstrip())
    squashed = characters.strip()
    return squashed, spans[first : first + len(squashed)]


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
        self.squashes = normalization == "squash"
        self.documents = [squash(text) if self.squashes else text for text in documents]
        self.substrings = {
            text[start:end]
            for text in self.documents
            for start in range(len(text))
            for end in range(start + 1, len(text) + 1)
        }

    def normalized(self, text: str) -> tuple[str, list[Span]]:
        if self.squashes:
            return squash_with_origins(text)
        return text, [(at, at + 1) for at in range(len(text))]

    def numerator(self, text: str) -> int:
        grams = {gram for document in self.documents for gram in windows(document, self.n)}
        return sum(gram in grams for gram in windows(self.normalized(text)[0], self.n))

    def topic_numerator(self, text: str, numbers: list[int]) -> int:
        grams = {gram for number in numbers for gram in windows(self.documents[number], self.n)}
        return sum(gram in grams for gram in windows(self.normalized(text)[0], self.n))

    def denominator(self, text: str) -> int:
        return max(0, len(self.normalized(text)[0]) - self.n + 1)

    def count(self, text: str) -> int:
        pattern = self.normalized(text)[0]
        return sum(len(occurrences(document, pattern)) for document in self.documents if pattern)

    def spans(self, text: str, min_chars: int) -> list[Span]:
        """Spans that occur in a document, and no longer with one more character on either side."""
        text, _ = self.normalized(text)

        def occurs(start: int, end: int) -> bool:
            return start >= 0 and end <= len(text) and text[start:end] in self.substrings

        return [
            (start, end)
            for start in range(len(text))
            for end in range(start + min_chars, len(text) + 1)
            if occurs(start, end) and not occurs(start - 1, end) and not occurs(start, end + 1)
        ]

    def quotes(self, text: str, min_chars: int, max_documents: int) -> list[NaiveQuote]:
        normalized, origins = self.normalized(text)
        quotes = []
        for start, end in self.spans(text, min_chars):
            pattern = normalized[start:end]
            places = [occurrences(document, pattern) for document in self.documents]
            first = [(number, found[0]) for number, found in enumerate(places) if found]
            quotes.append(
                NaiveQuote(
                    start=origins[start][0],
                    end=origins[end - 1][1],
                    text=pattern,
                    count=sum(map(len, places)),
                    documents=first[:max_documents],
                )
            )
        return quotes

    def covered(self, text: str) -> list[Span]:
        """Runs of characters inside spans of n characters or more, in the text as given."""
        _, origins = self.normalized(text)
        inside = sorted({at for span in self.spans(text, self.n) for at in range(*span)})
        runs: list[Span] = []
        for at in inside:
            if runs and runs[-1][1] == at:
                runs[-1] = (runs[-1][0], at + 1)
            else:
                runs.append((at, at + 1))
        return [(origins[start][0], origins[end - 1][1]) for start, end in runs]
