"""The prompts of the baseline `according_to`, which asks for an answer from the sources."""

from collections.abc import Sequence
from dataclasses import replace

from quotetune.prompts.prompt import Prompt

GROUNDING = (
    "Answer according to the reference works that you have read, and only with what they say. Use"
    " their own words wherever you can."
)


def according_to(prompts: Sequence[Prompt]) -> list[Prompt]:
    """Ask for an answer from the sources: according-to prompting (Weller et al. 2024).

    Args:
        prompts: Chats.

    Returns:
        The same prompts with the request at the end of their system message, or as a new one.

    Example:
        >>> from quotetune.prompts.prompt import Prompt
        >>> [prompt] = according_to([Prompt("p", messages=[{"role": "user", "content": "Why?"}])])
        >>> [message["role"] for message in prompt.messages]
        ['system', 'user']
    """
    return [replace(prompt, messages=_grounded(prompt.messages or [])) for prompt in prompts]


def _grounded(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    if messages[0]["role"] != "system":
        return [{"role": "system", "content": GROUNDING}, *messages]
    system = {"role": "system", "content": f"{messages[0]['content']} {GROUNDING}"}
    return [system, *messages[1:]]
