"""The answers of a guide, computed in the slow and obvious way."""

import codecs
import re

from naive_index import NaiveIndex


def text_of(naive: NaiveIndex, tokens: list[bytes]) -> tuple[str, bytes]:
    """The normalised text of some tokens, and the bytes of a character that is not complete."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = decoder.decode(b"".join(tokens))
    # A letter at the end keeps the white space before it.
    return naive.normalized(text + "x")[0][:-1], decoder.getstate()[0]


def longest(
    naive: NaiveIndex, text: str, incomplete: bytes, least: int, most: int, ending: bytes = b""
) -> int:
    """Try every suffix of a text, from long to short."""
    documents = {document.encode() + b"\xff" for document in naive.documents}
    for chars in range(min(most, len(text)), least - 1, -1):
        # No document has the bytes of a surrogate, which stand for bytes that are not UTF-8.
        wanted = text[-chars:].encode("utf-8", "surrogatepass") + incomplete + ending
        if any(wanted in document for document in documents):
            return chars
    return 0


def match(naive: NaiveIndex, tokens: list[bytes], least: int, most: int) -> int:
    text = text_of(naive, tokens)
    if text == text_of(naive, tokens[:-1]):  # nothing is added
        return 0
    return longest(naive, *text, least, most)


def ends(naive: NaiveIndex, tokens: list[bytes], least: int, most: int) -> tuple[int, int]:
    """The longest matches after which a document ends, and after which a sentence ends."""
    text, incomplete = text_of(naive, tokens)
    if incomplete:
        return 0, 0
    if naive.normalization != "none":
        text = text.rstrip(" \n")
    document = longest(naive, text, b"", least, most, b"\xff")
    # What is further from the end than a match can be is not looked at.
    text = text[-most:]
    if re.search(r"[。！？][\"')\]’”»」』]*\Z", text):
        return document, longest(naive, text, b"", least, most)
    if not re.search(r"[.!?…][\"')\]’”»」』]*\Z", text):
        return document, 0
    endings = (b"\xff", b" ", b"\n")
    return document, max(longest(naive, text, b"", least, most, end) for end in endings)
