"""The rules that choose among the valid pairs of a prompt.

`average` and `first_fit`: Zhang et al. 2025, section 3. `random_partner`: the released code of that
paper. `west_of_n`: Pace et al. 2024. `large_margin`: Rosset et al. 2024, section 4.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from quotetune.pairing.preference import Ranking
from quotetune.runtime.chance import drawn

_Valid = npt.NDArray[np.bool_]
_Scores = npt.NDArray[np.float64]


def pairs_by_rule(
    rule: str, ranking: Ranking, valid: _Valid, samples: Sequence[int], key: str
) -> Iterator[tuple[int, int]]:
    """Yield valid pairs of candidates in the order in which a rule takes them.

    Args:
        rule: `pairs.rule`.
        ranking: The candidates, in the order of their sample numbers.
        valid: Which (chosen, rejected) are valid, of shape (n, n).
        samples: The candidates' sample numbers.
        key: Key from which, with the chosen side, a random partner is drawn.

    Yields:
        (chosen, rejected) as positions, the best pair first.
    """
    match rule:
        case "average":
            return _by_average(ranking.scores, valid)
        case "first_fit":
            return _by_first_fit(ranking.scores, valid)
        case "random_partner":
            return _with_random_partner(ranking.scores, valid, samples, key)
        case "widest_gap":
            return _by_widest_gap(ranking.scores, valid)
        case "west_of_n":
            return _disjoint(_by_margin(ranking, valid))
        case "large_margin":
            return _by_margin(ranking, valid)
    raise AssertionError(rule)


def _descending(scores: _Scores) -> list[int]:
    """Return positions by score, the highest first; equal ones keep their order."""
    return [int(i) for i in np.argsort(-scores, kind="stable")]


def _by_average(scores: _Scores, valid: _Valid) -> Iterator[tuple[int, int]]:
    chosen, rejected = np.nonzero(valid)
    for i in np.argsort(-(scores[chosen] + scores[rejected]), kind="stable"):
        yield int(chosen[i]), int(rejected[i])


def _by_first_fit(scores: _Scores, valid: _Valid) -> Iterator[tuple[int, int]]:
    order = _descending(scores)
    for chosen in order:
        for rejected in order:
            if valid[chosen, rejected]:
                yield chosen, rejected


def _with_random_partner(
    scores: _Scores, valid: _Valid, samples: Sequence[int], key: str
) -> Iterator[tuple[int, int]]:
    for chosen in _descending(scores):
        partners = np.flatnonzero(valid[chosen]).tolist()
        draw = f"{key}:{samples[chosen]}"
        while partners:
            yield chosen, partners.pop(drawn(draw) % len(partners))
            draw = f"{key}:{samples[chosen]}:{len(partners)}"


def _by_widest_gap(scores: _Scores, valid: _Valid) -> Iterator[tuple[int, int]]:
    for chosen in _descending(scores):
        partners = np.flatnonzero(valid[chosen])
        if len(partners):
            yield chosen, int(partners[np.argmin(scores[partners])])


def _by_margin(ranking: Ranking, valid: _Valid) -> Iterator[tuple[int, int]]:
    chosen, rejected = np.nonzero(valid)
    for i in np.argsort(-ranking.win_gaps[chosen, rejected], kind="stable"):
        yield int(chosen[i]), int(rejected[i])


def _disjoint(pairs: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    used: set[int] = set()
    for pair in pairs:
        if used.isdisjoint(pair):
            used.update(pair)
            yield pair
