"""The text of a response that was cut: without a character that was cut through.

A token may end within a character. If a response is cut after such a token, transformers writes
U+FFFD for the start of the character, and vLLM leaves out the whole token, even if it begins with a
space.
"""

from typing import Any

from quotetune.models.token_bytes import TokenBytes


class CutText:
    """Gives the text of cut responses, the same one for both backends.

    Args:
        tokenizer: The model's tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._bytes = TokenBytes(tokenizer)

    def text(self, token_ids: list[int], text: str) -> str:
        """Return the text of a response without the start of a character at its end.

        Args:
            token_ids: The tokens of the response.
            text: Their text, as the backend has it.
        """
        if self._bytes.of(token_ids[-1]).isascii():
            return text
        # vLLM also leaves out bytes at the end that are no part of any character.
        decoded: str = self._tokenizer.decode(token_ids, skip_special_tokens=True)
        cut = self._bytes.replacements(self._bytes.unfinished(token_ids))
        return decoded[: len(decoded) - cut]
