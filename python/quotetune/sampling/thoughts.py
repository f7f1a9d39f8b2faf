"""The bounds of thoughts and answers: a response is drawn with room for both, and then cut."""

from dataclasses import replace
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.models.reasoning import TokenMarks, marks_of
from quotetune.sampling.backend import Response
from quotetune.sampling.cut_text import CutText


def with_room_for_thoughts(sampling: SamplingConfig, model: ModelConfig) -> SamplingConfig:
    """Return the settings with which a model is sampled, with room for its thoughts.

    Stop strings are left out, because they may not end thoughts.
    """
    if model.reasoning is None:
        return sampling
    most = sampling.max_tokens + model.thought_tokens
    return sampling.model_copy(update={"max_tokens": most, "stop": []})


class Thoughts:
    """Finds the answers in responses, and cuts thoughts and answers at their bounds.

    A backend draws a response in one piece. A token depends only on those before it, so that what
    is cut off would not have been drawn if the bounds of the parts had been known.

    Args:
        model: A model with `reasoning`.
        sampling: The settings; `max_tokens` and `stop` are those of the answer.
        tokenizer: The model's tokenizer.
    """

    def __init__(self, model: ModelConfig, sampling: SamplingConfig, tokenizer: Any) -> None:
        marks = marks_of(model)
        assert marks is not None
        self._marks = TokenMarks(marks, tokenizer)
        self._most_thoughts = model.thought_tokens
        self._sampling = sampling
        self._tokenizer = tokenizer
        self._cut_text = CutText(tokenizer)

    def bounded(self, response: Response, prompt_token_ids: list[int]) -> Response:
        """Return a response within the bounds, and with the start of its answer."""
        opened = self._marks.are_opened(prompt_token_ids)
        end = self._marks.cut_at(
            response.token_ids,
            opened=opened,
            thoughts=self._most_thoughts,
            answer=self._sampling.max_tokens,
            stop=self._sampling.stop,
        )
        ids = response.token_ids[: end.tokens]
        cut = response
        if end.chars is not None:
            text = self._tokenizer.decode(ids, skip_special_tokens=True)[: end.chars]
            cut = Response(text, ids, "stop")
        elif len(ids) < len(response.token_ids):
            text = self._tokenizer.decode(ids, skip_special_tokens=True)
            cut = Response(self._cut_text.text(ids, text), ids, "length")
        if end.thinks:
            return replace(cut, answer=None)
        return replace(cut, answer=self._marks.answer(ids, cut.text, opened=False))
