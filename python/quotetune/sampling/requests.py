"""The requests of a job: its prompts as tokens, a part at a time."""

from array import array
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.models.chat_template import template_variables
from quotetune.models.context import context_length
from quotetune.prompts.chat import prompt_token_ids
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.backend import Request, check_lengths, prompt_seed
from quotetune.sampling.engine_keys import AUTOMATIC

# Tokens that are kept in memory, at four bytes each. Prompts after them are tokenised twice.
_KEPT_TOKENS = 100_000_000


class Requests:
    """Tokenises all prompts, and rejects those that do not fit, before the model is loaded.

    Args:
        job: The job, as `read_job` reads it.
        model: The model.
        sampling: How to draw, with room for thoughts.
        tokenizer: The model's tokenizer.
        thought_tokens: The room for thoughts, in tokens.

    Attributes:
        config: The model's `transformers` config.
        longest: Tokens of the longest prompt.

    Raises:
        UsageError: A prompt is empty or too long.
    """

    def __init__(
        self,
        job: Mapping[str, Any],
        model: ModelConfig,
        sampling: SamplingConfig,
        tokenizer: Any,
        thought_tokens: int,
    ) -> None:
        from transformers import AutoConfig

        source = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
        self.config = AutoConfig.from_pretrained(model.path, **source)
        now = datetime.fromisoformat(job["now"]) if "now" in job else None
        self._job = job
        self._chunk = sampling.chunk_prompts
        self._tokenizer = tokenizer
        self._variables = template_variables(model, now)
        context = sampling.engine.get("max_model_len")
        if context in (None, AUTOMATIC):
            context = context_length(self.config)
        # A continuation that is too long starts at the first token that the model can see.
        space = None if context is None else max(context - sampling.max_tokens, 1)
        self._seen = slice(-space if space else None, None)
        # By position; an array takes a ninth of the memory of a list.
        self._kept: list[array[int]] = []
        answer_tokens = sampling.max_tokens - thought_tokens
        self.longest = check_lengths(
            self._lengths(), answer_tokens, context, thoughts=thought_tokens
        )
        self._prompts: Iterator[dict[str, Any]] = iter(job["prompts"])
        self._next = 0  # the position of the prompt that is read next

    def __len__(self) -> int:
        """Return the number of prompts."""
        return len(self._job["prompts"])

    def part(self, number: int) -> dict[str, Request]:
        """Return the requests of a part by the ids of their prompts.

        Prompts are read on from the part before. A part with a lower number starts over.
        """
        first = number * self._chunk
        if first < self._next:
            self._prompts, self._next = iter(self._job["prompts"]), 0
        skipped = first - self._next
        own = list(islice(self._prompts, skipped, skipped + self._chunk))
        self._next = first + len(own)
        return {prompt["id"]: self._request(at, prompt) for at, prompt in enumerate(own, first)}

    def _request(self, position: int, prompt: dict[str, Any]) -> Request:
        kept = position < len(self._kept)
        tokens = self._kept[position].tolist() if kept else self._tokens(prompt)
        return Request(tokens, prompt_seed(self._job["seed"], self._job["round"], prompt["id"]))

    def _lengths(self) -> Iterator[tuple[str, int]]:
        """Yield the id of each prompt and its number of tokens."""
        room = _KEPT_TOKENS
        for prompt in self._job["prompts"]:
            tokens = self._tokens(prompt)
            room -= len(tokens)
            if room >= 0:
                self._kept.append(array("i", tokens))
            yield prompt["id"], len(tokens)

    def _tokens(self, prompt: dict[str, Any]) -> list[int]:
        if "token_ids" in prompt:
            own: list[int] = prompt["token_ids"][self._seen]
            return own
        return prompt_token_ids(Prompt(**prompt), self._tokenizer, self._variables)
