"""Top-p sampling for vLLM on a CPU, without sorting the vocabulary.

vLLM's own filter on a CPU sorts all logits for every token that it draws, which takes a quarter of
the whole time with a small model of 49,152 tokens. The nucleus is mostly among the 64 most probable
tokens, which are found without a sort. More are looked at for the other rows alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor

from quotetune.decoding.most_probable import most_probable

# Tokens of a row that are looked at; more only if these do not contain the nucleus.
CANDIDATES = (64, 256)
# Logits that are filtered together: few enough that they stay in the cache.
_TOGETHER = 1 << 21


def keep_nucleus(
    logits: torch.Tensor,
    top_p: float,
    candidates: Sequence[int] = CANDIDATES,
    known: torch.Tensor | None = None,
) -> torch.Tensor:
    """Set the logits outside the nucleus to `-inf`, in place.

    The nucleus is the smallest set of most probable tokens that has `top_p` of the probability
    (Holtzman et al. 2020, section 3.1). Of equally probable tokens, all or none are in it.

    Args:
        logits: Float logits of shape (rows, vocabulary), temperature applied.
        top_p: Share of the probability, above 0 and below 1.
        candidates: Numbers of tokens of a row that are looked at, one after another, before the row
            is sorted whole.
        known: The most probable tokens of each row, in any order, of shape (rows, tokens). They are
            looked at first.

    Returns:
        The same tensor.

    Example:
        >>> probabilities = torch.tensor([[0.5, 0.2, 0.3]])
        >>> keep_nucleus(probabilities.log(), top_p=0.7).exp()
        tensor([[0.5000, 0.0000, 0.3000]])
    """
    vocabulary = logits.shape[-1]
    numbers = [*(number for number in candidates if number < vocabulary), vocabulary]
    together = max(1, _TOGETHER // vocabulary)
    if known is None:
        for rows in logits.split(together):
            _keep_nucleus(rows, top_p, numbers)
    else:
        numbers = [known.shape[1], *(number for number in numbers if number > known.shape[1])]
        for rows, tokens in zip(logits.split(together), known.split(together), strict=True):
            _keep_nucleus(rows, top_p, numbers, tokens)
    return logits


def _keep_nucleus(
    logits: torch.Tensor, top_p: float, numbers: Sequence[int], known: torch.Tensor | None = None
) -> None:
    total = logits.logsumexp(-1, keepdim=True)
    left = torch.arange(len(logits), device=logits.device)
    nuclei = []
    for number in numbers:
        of_left = logits if len(left) == len(logits) else logits[left]
        if known is None or number > known.shape[1]:
            tokens = most_probable(of_left, number)
            best = of_left.gather(1, tokens)
        else:
            best, order = of_left.gather(1, known).sort(-1, descending=True)
            tokens = known.gather(1, order)
        probabilities = (best - total[left]).exp()
        of_better_tokens = probabilities.cumsum(-1) - probabilities
        size = (of_better_tokens < top_p).sum(-1, keepdim=True)
        lowest = best.gather(-1, size - 1)
        # Other tokens may be as probable as the last one.
        found = best[:, -1] < lowest[:, 0] if number < logits.shape[-1] else left >= 0
        nuclei.append((left[found], tokens[found], best.where(best >= lowest, -torch.inf)[found]))
        left = left[~found]
        if not len(left):
            break
    logits.fill_(-torch.inf)
    for rows, tokens, kept in nuclei:
        logits[rows[:, None], tokens] = kept


def nucleus_processor(
    top_p: float, known: Callable[[int], torch.Tensor | None] = lambda rows: None
) -> type[LogitsProcessor]:
    """Make a logits processor for `vllm.LLM`; requests must then set no `top_p`.

    Args:
        top_p: As for `keep_nucleus`.
        known: Returns the most probable tokens of all rows of the step, whose number it gets; None
            if they are not known.

    Returns:
        A class, for the `logits_processors` of `vllm.LLM`.
    """

    class Nucleus(LogitsProcessor):  # type: ignore[misc]
        """Keeps the nucleus of every row, whichever request the row belongs to."""

        def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
            pass

        def is_argmax_invariant(self) -> bool:
            """Return True: the most probable token is always in the nucleus."""
            return True

        def update_state(self, batch_update: Any) -> None:
            """Do nothing: there is no state, and all requests are treated alike."""

        def apply(self, logits: torch.Tensor) -> torch.Tensor:
            """Filter a batch."""
            return keep_nucleus(logits, top_p, known=known(len(logits)))

    return Nucleus
