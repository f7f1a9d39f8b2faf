"""The bytes that each token of a vocabulary stands for; a token may be a part of a character."""

import codecs
import json
import re
from typing import Any

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_LONGEST_CHARACTER = 4  # bytes, in UTF-8


class TokenBytes:
    """The bytes of a tokenizer's tokens.

    A byte-level vocabulary spells each byte as a letter (Radford et al. 2019, section 2.2). One
    that was made by SentencePiece writes a space as U+2581 and the bytes of rare characters as
    tokens such as `<0xE4>`. Other vocabularies have no parts of characters, and their tokens are
    taken as text.

    Args:
        tokenizer: A tokenizer of `transformers`.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special = set(tokenizer.all_special_ids)
        self._letters = _byte_of_letter() if _is_byte_level(tokenizer) else None

    def of(self, token: int) -> bytes:
        """Return the bytes of a token; none for a special token, and for one that is unknown."""
        if token in self._special:
            return b""
        written = self._tokenizer.convert_ids_to_tokens(token)
        if written is None:
            return b""
        if self._letters is not None and self._letters.keys() >= set(written):
            return bytes(self._letters[letter] for letter in written)
        byte = _BYTE.fullmatch(written)
        if byte is not None:
            return bytes([int(byte[1], 16)])
        return str(written).replace("\u2581", " ").encode()

    def shown(self, tokens: list[int]) -> list[int]:
        """Return the tokens that a text shows: all but special ones."""
        return [token for token in tokens if token not in self._special]

    def unfinished(self, tokens: list[int]) -> int:
        """Return how many bytes at the end of a text are only the start of a character.

        Args:
            tokens: The tokens of the text.

        Returns:
            A number from 0 to 3.
        """
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode(b"".join(self.of(token) for token in tokens[-_LONGEST_CHARACTER:]))
        start = decoder.getstate()[0]
        # Python also waits for the third byte of a surrogate, which is no character.
        return 0 if start[:1] == b"\xed" and start[1:2] >= b"\xa0" else len(start)

    def text(self, tokens: list[int], *, skip_special_tokens: bool = True) -> str:
        """Decode tokens without the start of a character at their end.

        The tokenizer would write U+FFFD for it, and more than one if its bytes are tokens such as
        `<0xE4>`; then it also does so for whole characters in the same row of bytes.

        Args:
            tokens: The tokens of the text.
            skip_special_tokens: As for the tokenizer's `decode`.
        """
        unfinished = self.unfinished(tokens)
        if self._letters is None and unfinished:  # a part of a character is a token of one byte
            tokens = tokens[:-unfinished]
        decoded: str = self._tokenizer.decode(tokens, skip_special_tokens=skip_special_tokens)
        return decoded[:-1] if self._letters is not None and unfinished else decoded


def _is_byte_level(tokenizer: Any) -> bool:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # written in Python
        return False
    described = json.loads(backend.to_str())["decoder"] or {}
    steps = described.get("decoders", [described])
    return any(step.get("type") == "ByteLevel" for step in steps)


def _byte_of_letter() -> dict[str, int]:
    """Return the byte of each letter of a byte-level vocabulary.

    Bytes that print as a letter in Latin-1 are that letter. The others are the letters from U+0100
    on, in order.
    """
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printed]
    letters = {chr(byte): byte for byte in printed}
    return letters | {chr(0x100 + place): byte for place, byte in enumerate(others)}
