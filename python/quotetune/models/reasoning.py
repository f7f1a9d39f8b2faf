"""Thoughts and answers: where the answer of a response starts, in its text and in its tokens."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quotetune.config import ModelConfig

from quotetune.models.token_bytes import TokenBytes


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
class End:
    """The place where a response ends.

    Attributes:
        tokens: The number of its tokens.
        thinks: Whether it ends within thoughts, so that it has no answer.
        chars: The length of its text, if a stop string ends it.
    """

    tokens: int
    thinks: bool
    chars: int | None = None


@dataclass(frozen=True)
class Marks:
    """The marks around thoughts.

    Attributes:
        start: The mark at which they start.
        end: The mark at which they end.

    Raises:
        ValueError: A mark is empty, or both are the same.
    """

    start: str = "<think>"
    end: str = "</think>"

    def __post_init__(self) -> None:
        if not self.start or not self.end:
            raise ValueError("a mark of thoughts is empty")
        if self.start == self.end:
            raise ValueError(f"both marks of thoughts are {self.start!r}")

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


def marks_of(model: "ModelConfig") -> Marks | None:
    """Return the marks around a model's thoughts; None if it does not think.

    Example:
        >>> from quotetune.config import ModelConfig
        >>> marks_of(ModelConfig(path="m", reasoning={"start": "<t>", "end": "</t>"}))
        Marks(start='<t>', end='</t>')
    """
    reasoning = model.reasoning
    return None if reasoning is None else Marks(reasoning.start, reasoning.end)


class TokenMarks:
    """Marks in tokens, where a mark may be a special token, which the text does not show.

    Args:
        marks: The marks.
        tokenizer: The model's `transformers` tokenizer.
    """

    def __init__(self, marks: Marks, tokenizer: Any) -> None:
        self._marks = marks
        self._bytes = TokenBytes(tokenizer)
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
        ended = raw.rfind(self._marks.end) + len(self._marks.end)
        char = min(self._shown_before(token_ids, ended), len(text))
        char += len(text[char:]) - len(text[char:].lstrip())
        counts = range(len(token_ids) + 1)
        token = bisect_left(counts, char, key=lambda n: len(self._shown(token_ids[:n])))
        if len(self._shown(token_ids[:token])) > char:
            token -= 1  # it has the first character of the answer, and what is before it
        else:
            token = max(token, self._first_of_length(token_ids, ended))  # the mark may be hidden
        return Answer(char, token)

    def cut_at(
        self, token_ids: list[int], *, opened: bool, thoughts: int, answer: int, stop: Sequence[str]
    ) -> End:
        """Return where a response ends that was drawn without regard to its parts.

        This is where it would have ended if each part had been drawn with its own bound, and the
        answer with its stop strings.

        Args:
            token_ids: The tokens of the response.
            opened: Whether the prompt has opened the thoughts.
            thoughts: The number of tokens until which thoughts have to end.
            answer: The largest number of tokens after the end mark, or of all if there is none.
            stop: Strings that end an answer, but not thoughts.
        """
        raw = self._raw(token_ids)
        start, end = re.escape(self._marks.start), re.escape(self._marks.end)
        mark = re.compile(f"(?P<start>{start})|(?P<end>{end})\\s*")
        any_end = re.compile("|".join([mark.pattern, *map(re.escape, stop)]))
        first = mark.search(raw)
        thinking = opened or (first is not None and first["start"] is None)
        limit = thoughts if thinking else answer
        place = 0
        while found := (mark if thinking else any_end).search(raw, place):
            place = found.end()
            is_mark = found.lastgroup is not None
            tokens = self._first_of_length(token_ids, found.end(found.lastgroup or 0))
            if tokens > limit:
                break
            if not is_mark:
                chars = self._shown_before(token_ids, found.start())
                return End(tokens, thinks=False, chars=chars)
            thinking = found["start"] is not None
            limit = max(thoughts, tokens) if thinking else tokens + answer
        return End(min(limit, len(token_ids)), thinking)

    def _shown_before(self, token_ids: list[int], length: int) -> int:
        """Return the length of the text that is shown of a start of the text with all marks."""
        tokens = token_ids[: self._first_of_length(token_ids, length)]
        return len(self._shown(tokens)) - (len(self._raw(tokens)) - length)

    def _first_of_length(self, token_ids: list[int], length: int) -> int:
        """Return the smallest number of tokens whose text has a length."""
        counts = range(len(token_ids) + 1)
        return bisect_left(counts, length, key=lambda n: len(self._raw(token_ids[:n])))

    # Both leave out a part of a character at the end, with which a text could be longer than with
    # the whole character.

    def _raw(self, token_ids: list[int]) -> str:
        """Return the text with the marks, and without other special tokens."""
        tokens = [token for token in token_ids if token not in self._hidden]
        return self._bytes.text(tokens, skip_special_tokens=False)

    def _shown(self, token_ids: list[int]) -> str:
        return self._bytes.text(token_ids)
