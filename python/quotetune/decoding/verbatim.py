"""Quotes that are verbatim by construction: between marks, only text of one document comes out."""

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from quotetune.corpus.guide import Guide, GuideState
from quotetune.corpus.whole_responses import continues, follow_ups

# A quote of more characters is closed.
LONGEST_QUOTE = 1024
DEFAULT_MARKS = '""'
# Of a quote that occurs more often, a probable token continues one of the occurrences.
_MAX_OCCURRENCES = 256


@dataclass(frozen=True)
class Quoting:
    """How responses quote.

    A quote starts at an opening mark, and ends at the first closing mark after n characters. Marks
    that stand in it before are text of the document.

    Attributes:
        guide: The guide of the documents, with matches of 1 to `LONGEST_QUOTE` characters.
        tokens: The bytes of each token.
        marks: The two marks; empty if a whole response is one quote.
        n: Characters of the shortest quote, normalised.
        stop: Strings that end a response, and so may not stand in a quote.
        ends: The tokens that end a text.
        ids: The tokens by their bytes, to find those that continue a quote.
    """

    guide: Guide
    tokens: Sequence[bytes]
    marks: str
    n: int
    stop: Sequence[str] = ()
    ends: Sequence[int] = ()
    ids: Mapping[bytes, Sequence[int]] = field(default_factory=dict)

    @cached_property
    def longest_token(self) -> int:
        """Length of the longest token, in bytes."""
        return max(map(len, self.ids), default=0)


@dataclass
class _Place:
    """Where a response is.

    Attributes:
        quote: The quote so far, as whole characters; None outside of quotes.
        pending: The first bytes of a character.
        recent: The end of the text, as far as a stop string may reach.
    """

    quote: GuideState | None
    pending: bytes = b""
    recent: str = ""


class Verbatim:
    """Follows a response, and tells what keeps its quotes verbatim.

    Args:
        quoting: How it quotes.
    """

    def __init__(self, quoting: Quoting) -> None:
        self._quoting = quoting
        # A token without these bytes has no mark.
        self._first_bytes = {mark.encode()[:1] for mark in quoting.marks}
        # With more tokens left than these, a quote can always be closed.
        self._reserve = quoting.n + 3 if quoting.marks else 0
        self._place = _Place(None if quoting.marks else quoting.guide.state())

    def take(self, token: int) -> None:
        """See `Rule`."""
        self._take(self._quoting.tokens[token])

    def take_text(self, text: str) -> None:
        """Take text as if it had come in tokens."""
        self._take(text.encode())

    def _take(self, data: bytes) -> None:
        self._place = self._after(data, lambda quote, piece: True) or self._place

    def fallback(self) -> Sequence[int]:
        """See `Rule`; these are the tokens that continue a quote as documents do, or close it."""
        quoting, place = self._quoting, self._place
        if place.quote is None:
            return ()
        pending = len(place.pending)
        most = pending + quoting.longest_token
        texts = follow_ups(place.quote, max_occurrences=_MAX_OCCURRENCES, max_bytes=most)
        if texts is None:  # more probable tokens may continue one of so many occurrences
            return ()
        found = set(
            quoting.ids.get(quoting.marks[1:].encode(), ()) if quoting.marks else quoting.ends
        )
        for text in texts:
            if text.startswith(place.pending):
                for end in range(pending + 1, len(text) + 1):
                    found.update(quoting.ids.get(text[pending:end], ()))
        return sorted(found)

    def passes(self, tokens: Sequence[int], left: int | None) -> list[bool]:
        """See `Rule`."""
        answers = [self._answer(token, left) for token in tokens]
        asked = [number for number, answer in enumerate(answers) if answer is None]
        if asked:
            assert self._place.quote is not None
            pieces = [self._quoting.tokens[tokens[number]] for number in asked]
            found = continues(self._place.quote, pieces, self._quoting.n)
            for number, stands in zip(asked, found, strict=True):
                answers[number] = stands
        return list(map(bool, answers))

    @property
    def is_open(self) -> bool:
        """Whether the response is in a quote."""
        return self._place.quote is not None

    def _answer(self, token: int, left: int | None) -> bool | None:
        """Tell whether a token may come; None if it may exactly if the quote stands with it."""
        quoting, quote = self._quoting, self._place.quote
        if token >= len(quoting.tokens):  # the model has more outputs than the tokenizer has tokens
            return False
        data = quoting.tokens[token]
        if quote is not None and not data:
            return token in quoting.ends and not quoting.marks and quote.chars[1] >= quoting.n
        if not self._place.pending and not any(mark in data for mark in self._first_bytes):
            if quote is None:
                return True
            if not quoting.stop and (left is None or left > self._reserve):
                return None
        place = self._after(data, self._stands)
        if place is None:
            return False
        if place.quote is None:
            return True
        if any(stop in place.recent for stop in quoting.stop):
            return False
        return left is None or not quoting.marks or left - 1 >= self._needed(place.quote)

    def _needed(self, quote: GuideState) -> int:
        """Return how many tokens close a quote, if each is one character."""
        chars, inner = quote.chars
        if inner >= self._quoting.n:
            return 1
        # White space counts once a character follows on it, so the last one may need one more.
        return max(self._quoting.n - chars + 1, 1) + 1

    def _stands(self, quote: GuideState, piece: bytes) -> bool:
        return continues(quote, [piece], self._quoting.n, self._quoting.stop)[0]

    def _after(self, data: bytes, stands: Callable[[GuideState, bytes], bool]) -> _Place | None:
        """Return where the response is after more bytes; None if a quote does not stand."""
        quoting, place = self._quoting, self._place
        quote = None if place.quote is None else place.quote.copy()
        raw = place.pending + data
        taken = 0  # what the quote has taken, or what is outside of quotes
        end = 0
        for char, start, end in _characters(raw):
            if quote is None:
                if char == quoting.marks[0]:
                    quote, taken = quoting.guide.state(), end
            elif char is None:
                return None  # no document has bytes that are no text
            elif quoting.marks and char == quoting.marks[1]:
                inner = quote.copy()
                inner.push(raw[taken:start])
                if inner.chars[1] >= quoting.n:
                    if start > taken and not stands(quote, raw[taken:start]):
                        return None
                    quote = None
        if quote is not None:
            if not stands(quote, raw[taken:]):
                return None
            quote.push(raw[taken:end])
        added = raw[:end].decode("utf-8", "replace")
        most = max(map(len, quoting.stop), default=1) - 1
        recent = (place.recent[-most:] if most else "") + added
        return _Place(quote, raw[end:], recent)


def quotes_of(text: str, quoting: Quoting) -> Iterator[tuple[int, int]]:
    """Yield where the quotes of a response start and end, in characters, without their marks.

    A quote that is not closed, because the response was cut, is none.

    Args:
        text: The response.
        quoting: How it quotes.
    """
    rule = Verbatim(quoting)
    start = 0 if rule.is_open else None
    for at, char in enumerate(text):
        rule.take_text(char)
        if rule.is_open and start is None:
            start = at + 1
        elif not rule.is_open and start is not None:
            yield start, at
            start = None
    if start is not None and not quoting.marks:
        yield start, len(text)


def _characters(raw: bytes) -> Iterator[tuple[str | None, int, int]]:
    """Yield the characters of bytes with their places; None for bytes that are no text.

    The first bytes of a character at the end are left out.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    start = 0
    for at in range(len(raw)):
        decoded = decoder.decode(raw[at : at + 1])
        if not decoded:
            continue
        end = at + 1 - len(decoder.getstate()[0])
        if len(decoded) > 1:  # bytes that are no text, and the character after them
            yield None, start, at
            start = at
        is_text = decoded[-1].encode() == raw[start:end]
        yield decoded[-1] if is_text else None, start, end
        start = end
