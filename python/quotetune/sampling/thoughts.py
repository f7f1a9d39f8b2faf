"""The bounds of thoughts and answers: a response is drawn with room for both, and then cut."""

from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.models.reasoning import Answer, Marks, TokenMarks
from quotetune.sampling.backend import Response
from quotetune.sampling.cut_text import CutText


def room(sampling: SamplingConfig, model: ModelConfig) -> SamplingConfig:
    """Return the settings with which a model is sampled, with room for its thoughts."""
    if model.reasoning is None:
        return sampling
    most = sampling.max_tokens + model.reasoning.max_tokens
    return sampling.model_copy(update={"max_tokens": most})


class Thoughts:
    """Finds the answers in responses, and cuts thoughts and answers at their bounds.

    Both backends draw a response in one piece. What is cut off it is what they would not have
    drawn, because a token depends only on those before it.

    Args:
        model: A model with `reasoning`.
        sampling: The settings; `max_tokens` bounds the answer.
        tokenizer: The model's tokenizer.
    """

    def __init__(self, model: ModelConfig, sampling: SamplingConfig, tokenizer: Any) -> None:
        assert model.reasoning is not None
        self._marks = TokenMarks(Marks(model.reasoning.start, model.reasoning.end), tokenizer)
        self._most_thoughts = model.reasoning.max_tokens
        self._most_tokens = sampling.max_tokens
        self._tokenizer = tokenizer
        self._cut_text = CutText(tokenizer)

    def bounded(self, response: Response, prompt_token_ids: list[int]) -> Response:
        """Return a response within the bounds, and with the start of its answer."""
        opened = self._marks.are_opened(prompt_token_ids)
        answer = self._marks.answer(response.token_ids, response.text, opened=opened)
        if answer is None or answer.token > self._most_thoughts:
            return self._cut(response, self._most_thoughts, None)
        return self._cut(response, answer.token + self._most_tokens, answer)

    def _cut(self, response: Response, length: int, answer: Answer | None) -> Response:
        if len(response.token_ids) <= length:
            return Response(response.text, response.token_ids, response.finish_reason, answer)
        ids = response.token_ids[:length]
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        return Response(self._cut_text.text(ids, text), ids, "length", answer)
