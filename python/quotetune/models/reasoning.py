"""Thoughts and answers: where the answer of a response starts, in its text and in its tokens."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """The place where an answer starts in a response.

    Attributes:
        char: Its first character in the response's text.
        token: Its first token.
    """

    char: int
    token: int


# Of a response that is an answer as a whole.
WHOLE = Answer(0, 0)


@dataclass(frozen=True)
class Marks:
    """The marks around thoughts.

    Attributes:
        start: The mark at which they start.
        end: The mark at which they end.

    Raises:
        ValueError: A mark is empty.
    """

    start: str = "<think>"
    end: str = "</think>"

    def __post_init__(self) -> None:
        if not self.start or not self.end:
            raise ValueError("a mark of thoughts is empty")

    def answer_start(self, text: str, *, opened: bool = False) -> int | None:
        r"""Return where the answer of a response starts.

        The answer is what follows the last end mark, without white space at its start. The end mark
        alone suffices, because a chat template may have opened the thoughts.

        Args:
            text: The response.
            opened: Whether the prompt has opened the thoughts.

        Returns:
            The answer's first character; 0 for a response without thoughts; None if the thoughts
            have not ended, so that there is no answer.

        Example:
            >>> marks = Marks()
            >>> starts = [marks.answer_start(text) for text in (
            ...     "<think>Hm.</think>\n\nIce.", "Hm.</think>Ice.", "Ice.", "<think>Hm.")]
            >>> starts
            [20, 11, 0, None]
        """
        place = text.rfind(self.end)
        if place < 0:
            return None if opened or self.start in text else 0
        start = place + len(self.end)
        if self.start in text[start:]:
            return None
        return start + len(text[start:]) - len(text[start:].lstrip())

    def are_opened(self, prompt: str) -> bool:
        """Tell whether a prompt opens thoughts that the response has to end."""
        place = prompt.rfind(self.start)
        return place >= 0 and self.end not in prompt[place:]


class TokenMarks:
    """Marks in tokens, where a mark may be a special token, which the text does not show.

    Args:
        marks: The marks.
        tokenizer: The model's `transformers` tokenizer.
    """

    def __init__(self, marks: Marks, tokenizer: Any) -> None:
        self._marks = marks
        self._tokenizer = tokenizer
        own = tokenizer([marks.start, marks.end], add_special_tokens=False)["input_ids"]
        self._hidden = set(tokenizer.all_special_ids).difference(*own)

    def are_opened(self, prompt_token_ids: list[int]) -> bool:
        """Tell whether a prompt opens thoughts that the response has to end."""
        return self._marks.are_opened(self._raw(prompt_token_ids))

    def answer(self, token_ids: list[int], text: str, *, opened: bool) -> Answer | None:
        """Return where the answer of a response starts.

        Args:
            token_ids: The tokens of the response.
            text: Its text, without special tokens.
            opened: Whether the prompt has opened the thoughts.

        Returns:
            The start of the answer; None if there is none.
        """
        raw = self._raw(token_ids)
        start = self._marks.answer_start(raw, opened=opened)
        if start is None:
            return None
        if start == 0:
            return WHOLE
        if self._marks.end in text:
            char = self._marks.answer_start(text) or 0
        else:
            end = raw.rfind(self._marks.end) + len(self._marks.end)
            ended = self._first_of_length(token_ids, end)
            char = len(self._shown(token_ids[:ended]))
            char += len(text[char:]) - len(text[char:].lstrip())
        # The last number of tokens whose text ends before the answer.
        counts = range(len(token_ids) + 1)
        token = bisect_right(counts, char, key=lambda n: len(self._shown(token_ids[:n]))) - 1
        return Answer(min(char, len(text)), max(token, 0))

    def _first_of_length(self, token_ids: list[int], length: int) -> int:
        """Return the smallest number of tokens whose text has a length."""
        counts = range(len(token_ids) + 1)
        return bisect_right(counts, length - 1, key=lambda n: len(self._raw(token_ids[:n])))

    def _raw(self, token_ids: list[int]) -> str:
        """Return the text with the marks, and without other special tokens."""
        shown = [token for token in token_ids if token not in self._hidden]
        return str(self._tokenizer.decode(shown, skip_special_tokens=False))

    def _shown(self, token_ids: list[int]) -> str:
        return str(self._tokenizer.decode(token_ids, skip_special_tokens=True))
