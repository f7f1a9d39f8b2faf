"""The interface of the backends: requests and responses, and the seeds of both."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from quotetune.errors import UsageError
from quotetune.models.reasoning import WHOLE, Answer
from quotetune.runtime.chance import drawn

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Request:
    """One prompt to sample from.

    Attributes:
        prompt_token_ids: The tokens that the model sees, special tokens included.
        seed: Seed of the first response; response i has `seed + i`.
        strength: Strength of the guide; 0 for none.
        documents: Documents towards which it guides, as (source, id); None for the whole corpus.
    """

    prompt_token_ids: list[int]
    seed: int
    strength: float = 0.0
    documents: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True)
class Continuation:
    """A prompt and the start of its response, to be continued as they are.

    Attributes:
        id: Its name.
        token_ids: The tokens of both.
    """

    id: str
    token_ids: list[int]


@dataclass(frozen=True)
class Response:
    """One sampled response.

    Attributes:
        text: The response without special tokens and without a stop string.
        token_ids: The sampled tokens. The last one is an end-of-text token if and only if the model
            ended the text itself.
        finish_reason: `stop` if the model or a stop string ended it, `length` if it was cut.
        answer: The start of its answer; None if its thoughts have not ended. Backends leave it at
            the start of the response.
    """

    text: str
    token_ids: list[int]
    finish_reason: FinishReason
    answer: Answer | None = WHOLE


class Sampler(Protocol):
    """A loaded model.

    The same requests give the same responses, whatever was sampled before. With vLLM on a GPU they
    give responses of the same distribution only.
    """

    def sample(
        self,
        requests: Sequence[Request],
        generated: Callable[[int], None],
        following: Callable[[], Sequence[Request]] = tuple,
    ) -> list[list[Response]]:
        """Draw the responses of one part.

        Args:
            requests: The prompts of the part.
            generated: Called with the number of tokens in responses that were just finished.
            following: Returns the prompts of the next call, which may be started already; none if
                they are not known yet. It is called once at most.

        Returns:
            The n responses to each request, in the order of their seeds.
        """
        ...


def prompt_seed(seed: int, round: int, prompt_id: str) -> int:
    """Return the seed of a prompt's first response.

    It is a hash, so it does not depend on the other prompts. It has 62 bits, so the seeds of two
    prompts, n consecutive numbers each, are unlikely to overlap.

    Args:
        seed: The run's seed.
        round: The round, from 1; 0 is an evaluation.
        prompt_id: The prompt's id.

    Returns:
        A number from 0 to 2**62 - 1.

    Example:
        >>> prompt_seed(0, 1, "a") == prompt_seed(0, 1, "a") != prompt_seed(0, 2, "a")
        True
    """
    return drawn(f"{seed}:{round}:{prompt_id}") >> 2


def check_lengths(
    lengths: Iterable[tuple[str, int]], max_tokens: int, context: int | None, *, thoughts: int = 0
) -> int:
    """Refuse prompts that leave no room for a whole response.

    Args:
        lengths: The id and the number of tokens of each prompt.
        max_tokens: Length of the longest answer.
        context: How many tokens a prompt and its response may have together; None for any number.
        thoughts: Length of the longest thoughts before an answer.

    Returns:
        The number of tokens of the longest prompt; 0 without any.

    Raises:
        UsageError: A prompt is empty, or too long; the message names the longest one.

    Example:
        >>> check_lengths([("a", 3)], max_tokens=6, context=8)
        Traceback (most recent call last):
        quotetune.errors.UsageError: prompt a has 3 tokens, which with max_tokens 6 is more than \
the model's context of 8 (1 of 1 prompts): shorten or drop it, or lower sampling.max_tokens
    """
    most = max_tokens + thoughts
    longest, length, count, too_long = "", 0, 0, 0
    for prompt_id, own in lengths:
        if not own:
            raise UsageError(f"prompt {prompt_id} has no tokens: give it a text, or drop it")
        count += 1
        too_long += context is not None and own + most > context
        if own > length:
            longest, length = prompt_id, own
    if too_long:
        beside = f" and model.reasoning.max_tokens {thoughts}" if thoughts else ""
        remedy = "lower model.reasoning.max_tokens or" if thoughts else "lower"
        raise UsageError(
            f"prompt {longest} has {length} tokens, which with max_tokens"
            f" {max_tokens}{beside} is more than the model's context of {context}"
            f" ({too_long} of {count} prompts): shorten or drop it, or {remedy}"
            " sampling.max_tokens"
        )
    return length
