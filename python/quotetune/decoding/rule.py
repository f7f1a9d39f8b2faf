"""What may come next in a response: the rules of a guide's modes, and the mask that they make."""

from collections.abc import Sequence
from itertools import compress
from typing import Protocol

import torch

from quotetune.corpus.guide import Guide, completes


class Rule(Protocol):
    """What may come next in a response."""

    def take(self, token: int) -> None:
        """Take the next token of the response."""
        ...

    def fallback(self) -> Sequence[int]:
        """Return tokens to ask about if no probable one passes; empty if none are known."""
        ...

    def passes(self, tokens: Sequence[int], left: int | None) -> list[bool]:
        """Tell which tokens may come next.

        Args:
            tokens: The tokens.
            left: The number of tokens that may still come; None if it is not known.
        """
        ...


class Never:
    """Keeps the n-grams of a corpus out of a response.

    A filter that the index has answers: what it takes for an n-gram by mistake does not come out,
    either.

    Args:
        guide: The guide of the corpus, whose `max_chars` is n - 1 or more.
        size: The number of tokens. A model may have more outputs, which are no tokens.
    """

    def __init__(self, guide: Guide, size: int) -> None:
        self._state = guide.state()
        self._size = size

    def take(self, token: int) -> None:
        """See `Rule`."""
        self._state.advance([token])

    def fallback(self) -> Sequence[int]:
        """See `Rule`; all but a few tokens pass."""
        return ()

    def passes(self, tokens: Sequence[int], left: int | None) -> list[bool]:
        """See `Rule`."""
        complete: list[bool] = completes([self._state], [list(tokens)])[0].tolist()
        return [token < self._size and not one for token, one in zip(tokens, complete, strict=True)]


class Nothing:
    """Lets nothing come, as where the documents of a request are not in the index."""

    def take(self, token: int) -> None:
        """See `Rule`."""

    def fallback(self) -> Sequence[int]:
        """See `Rule`."""
        return ()

    def passes(self, tokens: Sequence[int], left: int | None) -> list[bool]:
        """See `Rule`."""
        return [False] * len(tokens)


def mask(
    logits: torch.Tensor, rule: Rule, left: int | None, count: int, ends: Sequence[int]
) -> None:
    """Leave only tokens that pass, among the most probable ones, in place.

    If none of these passes, those are asked for that the rule names, and then more and more
    probable ones, up to the whole vocabulary. If none passes at all, the response has to end.

    Args:
        logits: The logits of one response, of shape (vocabulary,).
        rule: What may come next.
        left: As for `Rule.passes`.
        count: The number of most probable tokens that are asked for first.
        ends: The tokens that end a text.
    """
    known = min(count, len(logits))
    passing = _passing(rule, logits.topk(known).indices.tolist(), left)
    if not passing:
        # A request may rule tokens out, such as the end before a minimum of tokens.
        named = list(rule.fallback())
        possible = (logits[named] > -torch.inf).tolist()
        passing = _passing(rule, list(compress(named, possible)), left)
    while not passing and known < len(logits):
        wanted = min(4 * known, len(logits))
        passing = _passing(rule, logits.topk(wanted).indices[known:].tolist(), left)
        known = wanted
    kept = torch.tensor(passing or list(ends), dtype=torch.long, device=logits.device)
    values = logits[kept].clone()
    logits.fill_(-torch.inf)
    # The end may be impossible so far, as with a minimum of tokens.
    logits[kept] = values if passing else values.nan_to_num(neginf=0.0)


def _passing(rule: Rule, tokens: Sequence[int], left: int | None) -> list[int]:
    answers = rule.passes(tokens, left) if tokens else []
    return [token for token, passes in zip(tokens, answers, strict=True) if passes]
