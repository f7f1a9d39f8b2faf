"""About how many tokens prompts have, without a tokenizer and before passages are looked up."""

import math
from collections.abc import Sequence

from quotetune.config.prompts import PromptsConfig
from quotetune.prompts.grounding import given_passages
from quotetune.prompts.prompt import Prompt

_CHARACTERS_PER_TOKEN = 4.0
_CHARACTERS_PER_PASSAGE = 1500  # of a passage from the corpus, if prompts.context does not cut it


def mean_and_longest(prompts: Sequence[Prompt], settings: PromptsConfig) -> tuple[int, int]:
    """Return about how many tokens a prompt has on average, and the longest one.

    Args:
        prompts: The prompts, still without passages.
        settings: The config's `prompts:` block.

    Example:
        >>> from pathlib import Path
        >>> prompts = [Prompt("a", text="x" * 20), Prompt("b", text="x" * 60)]
        >>> mean_and_longest(prompts, PromptsConfig(path=Path("prompts.jsonl")))
        (10, 15)
    """
    characters = [_own(prompt, settings) + _of_passages(prompt, settings) for prompt in prompts]
    mean = sum(characters) / len(characters)
    return (
        math.ceil(mean / _CHARACTERS_PER_TOKEN),
        math.ceil(max(characters) / _CHARACTERS_PER_TOKEN),
    )


def _own(prompt: Prompt, settings: PromptsConfig) -> float:
    """Return the characters of a prompt without its passages."""
    if settings.prefix_tokens is not None:
        return settings.prefix_tokens * _CHARACTERS_PER_TOKEN
    messages = sum(len(message["content"]) for message in prompt.messages or [])
    return len(prompt.text or "") + messages


def _of_passages(prompt: Prompt, settings: PromptsConfig) -> int:
    """Return the characters of a prompt's passages, which are assumed if the corpus has them."""
    context = settings.context
    if context is None:
        return 0
    if context.source == "given":
        return sum(map(len, given_passages(prompt, context)))
    return context.passages * (context.max_chars or _CHARACTERS_PER_PASSAGE)
