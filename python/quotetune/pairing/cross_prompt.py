"""Pairs that reject a response to another prompt, which teach relevance over mere quoting.

Two rules make them. `pairs.negatives.cross_prompt` is the rule of Quote-Tuning's released code, and
`pairs.negatives.best_of_other_prompts` is our own. All functions here are pure.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from quotetune.config import PairsConfig
from quotetune.pairing.candidates import GOLD, RankedCandidate, TokenizedCandidate
from quotetune.pairing.pairs import Pair, PairedPrompt
from quotetune.runtime.chance import drawn, from_drawn_place


def first_sampled(ranked: Sequence[RankedCandidate]) -> RankedCandidate | None:
    """Return a prompt's first sample; None if there is none."""
    samples = (one for one in ranked if one.candidate.sample != GOLD)
    return min(samples, key=lambda one: one.candidate.sample, default=None)


def best_quoting(ranked: Sequence[RankedCandidate]) -> RankedCandidate | None:
    """Return a prompt's sample of highest QUIP that is not repetitive; None if there is none."""
    quoting = [
        one
        for one in ranked
        if one.candidate.quip is not None and one.candidate.sample != GOLD and not one.repetitive
    ]
    return max(quoting, key=lambda one: one.candidate.quip or 0.0, default=None)


class OtherPrompts:
    """The responses of a round that may be paired with those to other prompts.

    Args:
        settings: Settings of the pairs.
        seed: The run's seed.
    """

    def __init__(self, settings: PairsConfig, seed: int) -> None:
        self._settings = settings
        self._seed = seed
        self._first: list[RankedCandidate | None] = []
        self._best: list[RankedCandidate] = []

    def add(self, one: PairedPrompt) -> None:
        """Add a prompt; all are added before the first pairs are made."""
        self._first.append(one.first)
        if one.best_quoting is not None:
            self._best.append(one.best_quoting)

    def pairs(self, position: int, one: PairedPrompt) -> list[Pair]:
        """Make the pairs of a prompt's responses with responses to other prompts.

        Args:
            position: The prompt's position, in the order in which the prompts were added.
            one: The prompt with its own pairs.
        """
        if self._settings.negatives is None:
            return []
        released = self._settings.negatives.cross_prompt
        count = self._settings.negatives.best_of_other_prompts
        if count and one.pairs:
            best = _over_best(one.pairs[0].chosen, self._best, self._settings, self._seed)
            return list(islice(best, count))
        if released is not None and not one.pairs:
            drawn_pairs = _over_first(
                position, one, self._first, self._settings, released.trials, self._seed
            )
            return list(islice(drawn_pairs, 1))
        return []


def _over_best(
    chosen: RankedCandidate, others: Sequence[RankedCandidate], settings: PairsConfig, seed: int
) -> Iterator[Pair]:
    """Pair a chosen response with the best-quoting responses of fitting length to other prompts."""
    key = f"{seed}:{chosen.candidate.prompt_id}:cross_prompt"
    for other in from_drawn_place(others, key):
        if _may_be_paired(chosen.candidate, other.candidate, settings.delta_length):
            yield Pair(chosen, other, None)


def _over_first(
    position: int,
    own: PairedPrompt,
    first: Sequence[RankedCandidate | None],
    settings: PairsConfig,
    trials: int,
    seed: int,
) -> Iterator[Pair]:
    """Draw other prompts, and yield the pairs of the first samples that fit."""
    others = len(first) - 1
    if own.first is None or own.first.repetitive:
        return
    for trial in range(trials if others else 0):
        place = drawn(f"{seed}:{own.prompt_id}:cross_prompt:{trial}") % others
        other = first[place + (place >= position)]
        if (
            other is not None
            and _quotes_more(other, own.first, settings)
            and _may_be_paired(own.first.candidate, other.candidate, settings.delta_length)
        ):
            yield Pair(own.first, other, None)


def _quotes_more(other: RankedCandidate, own: RankedCandidate, settings: PairsConfig) -> bool:
    """Tell whether another prompt's response is the better one by the gap, but for its topic."""
    if other.candidate.quip is None or own.candidate.quip is None:
        return False
    gap = other.candidate.quip - own.candidate.quip
    if settings.direction == "unquote":
        gap = -gap
    return gap > 0 if settings.delta_quip is None else gap >= settings.delta_quip


def _may_be_paired(
    chosen: TokenizedCandidate, other: TokenizedCandidate, delta_length: float
) -> bool:
    difference = abs(chosen.length - other.length)
    alike = difference / max(min(chosen.length, other.length), 1) <= delta_length
    return alike and other.prompt_id != chosen.prompt_id and other.text != chosen.text
