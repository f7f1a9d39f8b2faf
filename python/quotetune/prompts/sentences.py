"""The sentences of a text."""

import re

# White space after the end of a sentence, if the next characters can start another one.
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"'(\[]*[A-Z0-9])")


def split_sentences(text: str) -> list[str]:
    """Split a text after its full stops, question marks and exclamation marks.

    An abbreviation before a capital letter also counts as an end.

    Example:
        >>> split_sentences("Is it? It is. Version 1.5 of e.g. this.")
        ['Is it?', 'It is.', 'Version 1.5 of e.g. this.']
    """
    return _SENTENCE_END.split(text)


def sentences_around(text: str, start: int, end: int) -> str:
    """Return the sentences of a text that contain its characters from `start` to `end`.

    Example:
        >>> sentences_around("Ice floats. Tea is hot. So is soup.", 12, 15)
        'Tea is hot.'
    """
    cuts = [(found.start(), found.end()) for found in _SENTENCE_END.finditer(text)]
    first = max((after for _, after in cuts if after <= start), default=0)
    last = min((before for before, _ in cuts if before >= end), default=len(text))
    return text[first:last]
