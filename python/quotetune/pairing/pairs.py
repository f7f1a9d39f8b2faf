"""From the responses to a prompt to preference pairs (Zhang et al. 2025, section 3).

All functions here are pure. `quotetune.pairing.run` reads and writes the files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt

from quotetune.config import PairsConfig
from quotetune.config.preference import CriterionConfig, PreferenceConfig
from quotetune.pairing.candidates import GOLD, Candidate, RankedCandidate
from quotetune.pairing.constraints import within_bounds
from quotetune.pairing.preference import Matrix, Ranking, rank_candidates
from quotetune.pairing.rules import pairs_by_rule

Discard = Literal[
    "too_short",
    "all_equal",
    "repetitive",
    "no_gap",
    "no_margin",
    "no_length_match",
    "constrained",
    "below_quantile",
]
DISCARDS: dict[Discard, str] = {
    "too_short": "fewer than two responses long enough to score",
    "all_equal": "all responses equal",
    "repetitive": "all responses repetitive",
    "no_gap": "no gap in QUIP above delta_quip",
    "no_margin": "no win rate higher by the margin",
    "no_length_match": "gaps, but only between responses of different length",
    "constrained": "pairs, but none within the constraints",
    "below_quantile": "pairs, but all below the quantile",
}
PLAIN = PreferenceConfig(quip=CriterionConfig())
_Valid = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pair:
    """Two candidates, one of which is preferred.

    Attributes:
        chosen: The preferred one.
        rejected: The other one.
        preference: P(chosen > rejected); None between candidates of different prompts.
    """

    chosen: RankedCandidate
    rejected: RankedCandidate
    preference: float | None

    @property
    def quip_gap(self) -> float:
        """The QUIP of the chosen candidate minus that of the rejected one."""
        return _known(self.chosen.candidate.quip) - _known(self.rejected.candidate.quip)

    @property
    def margin(self) -> float:
        """The win rate of the chosen candidate minus that of the rejected one."""
        return _known(self.chosen.win_rate) - _known(self.rejected.win_rate)


@dataclass(frozen=True)
class PairedPrompt:
    """A prompt after its candidates are paired.

    Attributes:
        prompt_id: The prompt's id.
        pairs: The pairs, the best one first.
        discard: The reason why there are none.
        first: The first sample, if the config has `negatives.cross_prompt`.
        best_quoting: The sample of highest QUIP, if it has `negatives.best_of_other_prompts`.
    """

    prompt_id: str
    pairs: list[Pair]
    discard: Discard | None
    first: RankedCandidate | None = None
    best_quoting: RankedCandidate | None = None


def _known(value: float | None) -> float:
    assert value is not None  # pairs contain no candidate that is too short for a number
    return value


@dataclass(frozen=True)
class Choice:
    """The pairs of a prompt, or the reason why there are none.

    Attributes:
        pairs: (chosen, rejected) as positions in the list of responses; the best pair is first.
        discard: The reason why there are no pairs; None if there are some.
        preferences: P(chosen > rejected) of each pair.
        win_rates: Win rate of each response; None for one that is too short to be ranked.
    """

    pairs: list[tuple[int, int]]
    discard: Discard | None = None
    preferences: list[float] = field(default_factory=list, compare=False)
    win_rates: list[float | None] = field(default_factory=list, compare=False)


def choose_pairs(
    responses: Sequence[Candidate],
    settings: PairsConfig,
    *,
    seed: int,
    prompt_id: str,
    preference: PreferenceConfig = PLAIN,
    pairwise: Mapping[str, Matrix] | None = None,
) -> Choice:
    """Make the preference pairs of one prompt.

    Args:
        responses: The responses to the prompt.
        settings: Rule, thresholds and direction.
        seed: The run's seed, for `random_partner`.
        prompt_id: The prompt's id, for `random_partner`.
        preference: The criteria that rank the responses; by default QUIP alone.
        pairwise: For each criterion that compares two responses, P(i > j) of the positions i and j
            in `responses`.

    Returns:
        The pairs, or the reason why there are none.

    Example:
        >>> responses = [Candidate(0, "a", 0.1, 20), Candidate(1, "b", 0.5, 21),
        ...     Candidate(2, "c", 0.3, 40)]
        >>> choose_pairs(responses, PairsConfig(), seed=0, prompt_id="p").pairs
        [(1, 0)]
    """
    order = sorted(
        (i for i, response in enumerate(responses) if response.quip is not None),
        key=lambda i: responses[i].sample,
    )
    if not order:
        return Choice([], "too_short", win_rates=[None] * len(responses))
    ranked = [responses[i] for i in order]
    losers = np.array([is_repetitive(response, settings) for response in ranked])
    ranking = rank_candidates(
        {name: [value_of(response, name) for response in ranked] for name in preference.scored},
        preference,
        unquote=settings.direction == "unquote",
        pairwise={name: matrix[np.ix_(order, order)] for name, matrix in (pairwise or {}).items()},
        losers=losers.tolist(),
    )
    win_rates: list[float | None] = [None] * len(responses)
    for i, rate in zip(order, ranking.win_rates.tolist(), strict=True):
        win_rates[i] = rate
    valid = _valid_pairs(ranked, ranking, losers, settings)
    if isinstance(valid, str):
        return Choice([], valid, win_rates=win_rates)
    samples = [response.sample for response in ranked]
    found = pairs_by_rule(settings.rule, ranking, valid, samples, f"{seed}:{prompt_id}")
    pairs = list(islice(found, settings.most_pairs))
    return Choice(
        [(order[chosen], order[rejected]) for chosen, rejected in pairs],
        preferences=[float(ranking.preference[pair]) for pair in pairs],
        win_rates=win_rates,
    )


def value_of(response: Candidate, name: str) -> float | None:
    """Return a response's value of a criterion or constraint.

    Example:
        >>> response = Candidate(0, "a", 0.5, 3, {"repetition": 0.1})
        >>> [value_of(response, name) for name in ("quip", "length", "repetition")]
        [0.5, 3, 0.1]
    """
    if name == "quip":
        return response.quip
    return response.length if name == "length" else response.values[name]


def is_repetitive(response: Candidate, settings: PairsConfig) -> bool:
    """Tell whether a response is an automatic negative (Rosset et al. 2024, section 4)."""
    most = None if settings.negatives is None else settings.negatives.repetition
    if most is None:
        return False
    repetition = response.values.get("repetition")
    return repetition is not None and repetition >= most


def _valid_pairs(
    ranked: Sequence[Candidate], ranking: Ranking, losers: _Valid, settings: PairsConfig
) -> _Valid | Discard:
    """Return which (chosen, rejected) are valid, or the first reason why none of them is."""
    if len(ranked) < 2:
        return "too_short"
    if len({response.text for response in ranked}) < 2:
        return "all_equal"
    if losers.all():
        return "repetitive"
    valid = (_gap_is_enough(ranked, settings) | losers[None, :]) & ~losers[:, None]
    steps: tuple[tuple[Discard, _Valid], ...] = (
        ("no_gap", valid),
        ("no_margin", _is_preferred(ranked, ranking, settings)),
        ("no_length_match", _may_be_paired(ranked, settings.delta_length)),
        ("constrained", _within_constraints(ranked, settings)),
    )
    for reason, allowed in steps:
        valid = valid & allowed
        if not valid.any():
            return reason
    return valid


def _gap_is_enough(ranked: Sequence[Candidate], settings: PairsConfig) -> _Valid:
    if settings.delta_quip is None:
        return np.ones((len(ranked), len(ranked)), bool)
    sign = -1.0 if settings.direction == "unquote" else 1.0
    quip = np.array([sign * (response.quip or 0.0) for response in ranked])
    gap = quip[:, None] - quip[None, :]
    if settings.rule == "random_partner":
        enough = (gap >= settings.delta_quip) & (gap > 0)
    else:
        enough = gap > settings.delta_quip
    return np.asarray(enough)


def _is_preferred(ranked: Sequence[Candidate], ranking: Ranking, settings: PairsConfig) -> _Valid:
    better = ranking.scores[:, None] > ranking.scores[None, :]
    if settings.margin is None:
        # A high temperature makes win rates too close for floating point.
        return np.asarray(better)
    own = settings.margin if settings.own_margin is None else settings.own_margin
    margins = [settings.margin if one.sample == GOLD else own for one in ranked]
    return np.asarray(better & (ranking.win_gaps >= np.array(margins)[:, None]))


def _may_be_paired(responses: Sequence[Candidate], delta_length: float) -> _Valid:
    lengths = np.array([response.length for response in responses])
    shorter = np.minimum(lengths[:, None], lengths[None, :])
    alike = np.abs(lengths[:, None] - lengths[None, :]) / shorter <= delta_length
    texts = np.array([response.text for response in responses], dtype=object)
    return np.asarray(alike & (texts[:, None] != texts[None, :]))


def _within_constraints(ranked: Sequence[Candidate], settings: PairsConfig) -> _Valid:
    """Return the pairs that keep the bounds of every constraint."""
    within = np.ones((len(ranked), len(ranked)), bool)
    for name, bounds in settings.constraints or ():
        if bounds is not None:
            values = [value_of(response, name) for response in ranked]
            within &= within_bounds(name, values, bounds, settings.direction)
    return within
