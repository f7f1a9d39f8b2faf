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
