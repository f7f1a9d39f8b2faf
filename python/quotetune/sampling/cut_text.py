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
        self._bytes = TokenBytes(tokenizer)

    def text(self, token_ids: list[int], text: str) -> str:
        """Return the text of a response without the start of a character at its end.

        Args:
            token_ids: The tokens of the response.
            text: Their text, as the backend has it.
        """
        shown = self._bytes.shown(token_ids)
        if not shown or self._bytes.of(shown[-1]).isascii():
            return text
        # vLLM also leaves out bytes at the end that are no part of any character.
        return self._bytes.text(shown)
