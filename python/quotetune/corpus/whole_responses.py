"""How the text of a whole response goes on in the documents, for quotes that must be verbatim."""

from collections.abc import Sequence

from quotetune import _core
from quotetune.corpus.guide import GuideState


def continues(
    state: GuideState, pieces: Sequence[bytes], least: int, avoid: Sequence[str] = ()
) -> list[bool]:
    """Tell with which pieces a whole response is still text of one document.

    Args:
        state: The response.
        pieces: Bytes that may follow.
        least: The number of characters that the text must be able to reach in the document.
        avoid: Strings that may not occur in these characters.

    Returns:
        An answer for each piece. It is no for a text of more than `max_chars` characters, for a
        piece that adds nothing, and for white space after white space.

    Raises:
        UsageError: The index does not find short texts, because it is lean or a filter alone.
        QuotetuneError: A file of the index was cut.

    Example:
        >>> from quotetune.corpus.guide import Guide, Texts, Vocabulary
        >>> guide = Guide(Texts(["banana split"]), Vocabulary([b"nan"]), min_chars=1)
        >>> continues(guide.state([0]), [b"a s", b"x", b"a"], least=8)
        [True, False, True]
        >>> continues(guide.state([0]), [b"a s", b"a"], least=11)
        [False, False]
        >>> continues(guide.state([0]), [b"a s", b"a"], least=8, avoid=["pl"])
        [False, False]
    """
    return _core.guide_continues(state, list(pieces), least, list(avoid))


def follow_ups(state: GuideState, *, max_occurrences: int, max_bytes: int) -> list[bytes] | None:
    """Return the text after each occurrence of a whole response.

    Args:
        state: The response.
        max_occurrences: The largest number of its occurrences.
        max_bytes: The largest number of bytes of each text that is returned.

    Returns:
        The normalised texts up to the ends of their documents, each once; None if there are more
        occurrences.

    Raises:
        UsageError: The index does not find short texts, because it is lean or a filter alone.
        QuotetuneError: A file of the index was cut.

    Example:
        >>> from quotetune.corpus.guide import Guide, Texts, Vocabulary
        >>> guide = Guide(Texts(["banana split"]), Vocabulary([b"nan", b"an"]), min_chars=1)
        >>> follow_ups(guide.state([0]), max_occurrences=8, max_bytes=5)
        [b'a spl']
        >>> follow_ups(guide.state([1]), max_occurrences=8, max_bytes=5)
        [b'a spl', b'ana s']
        >>> follow_ups(guide.state([1]), max_occurrences=1, max_bytes=5) is None
        True
    """
    return _core.guide_follow_ups(state, max_occurrences, max_bytes)
