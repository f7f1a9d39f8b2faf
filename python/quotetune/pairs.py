"""From the scored responses to a prompt to preference pairs (Zhang et al. 2025, section 3).

Everything here is a pure function; reading and writing the files is in `quotetune.pairing`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from quotetune.config import PairsConfig

Discard = Literal["too_short", "all_equal", "no_gap", "no_length_match"]
DISCARDS: dict[Discard, str] = {
    "too_short": "fewer than two responses long enough to score",
    "all_equal": "all responses equal",
    "no_gap": "no gap in QUIP above delta_quip",
    "no_length_match": "gaps, but only between responses of different length",
}
_Valid = npt.NDArray[np.bool_]
_Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """One response to a prompt.

    Attributes:
        sample: Its number among the prompt's samples, from 0.
        text: The text.
        quip: QUIP-Score, a fraction; None if it is too short to have one.
        length: Tokens, without the end-of-text token.
    """

    sample: int
    text: str
    quip: float | None
    length: int


@dataclass(frozen=True)
class Choice:
    """What became of a prompt: pairs, or the reason why there are none.

    Attributes:
        pairs: (chosen, rejected) as positions in the list of responses; best pair first.
        discard: Why there are none; None if there are some.
    """

    pairs: list[tuple[int, int]]
    discard: Discard | None = None


def choose_pairs(
    responses: Sequence[Response], settings: PairsConfig, *, seed: int, prompt_id: str
) -> Choice:
    """Make the preference pairs of one prompt.

    A pair is valid if `QUIP(chosen) - QUIP(rejected) > delta_quip` and
    `|len(chosen) - len(rejected)| / min(...) <= delta_length`, and the texts differ; under
    `random_partner`, as in the released code, a gap of exactly `delta_quip` is enough unless it is
    zero. Responses too short to score take no part. Of equal candidates the lower sample comes
    first. With `pairs_per_prompt` above 1, `average` and `first_fit` go on to the next valid pair
    in their order; the other two to the next response that has a valid partner.

    Args:
        responses: The responses to the prompt.
        settings: Rule, thresholds, direction.
        seed: The run's seed, for `random_partner`.
        prompt_id: The prompt's id, for `random_partner`.

    Returns:
        The pairs, or why there are none.

    Example:
        >>> responses = [Response(0, "a", 0.1, 20), Response(1, "b", 0.5, 21),
        ...     Response(2, "c", 0.3, 40)]
        >>> choose_pairs(responses, PairsConfig(), seed=0, prompt_id="p").pairs
        [(1, 0)]
    """
    order = sorted(
        (i for i, response in enumerate(responses) if response.quip is not None),
        key=lambda i: responses[i].sample,
    )
    if len(order) < 2:
        return Choice([], "too_short")
    if len({responses[i].text for i in order}) < 2:
        return Choice([], "all_equal")
    sign = -1.0 if settings.direction == "unquote" else 1.0
    scores = np.array([sign * (responses[i].quip or 0.0) for i in order])
    gaps = _gap_is_enough(scores, settings)
    if not gaps.any():
        return Choice([], "no_gap")
    valid = gaps & _may_be_paired([responses[i] for i in order], settings.delta_length)
    if not valid.any():
        return Choice([], "no_length_match")
    match settings.rule:
        case "average":
            found = _by_average(scores, valid)
        case "first_fit":
            found = _by_first_fit(scores, valid)
        case "random_partner":
            samples = [responses[i].sample for i in order]
            found = _with_random_partner(scores, valid, samples, f"{seed}:{prompt_id}")
        case "widest_gap":
            found = _by_widest_gap(scores, valid)
    pairs = zip(range(settings.pairs_per_prompt), found, strict=False)
    return Choice([(order[chosen], order[rejected]) for _, (chosen, rejected) in pairs])


def _gap_is_enough(scores: _Scores, settings: PairsConfig) -> _Valid:
    gap = scores[:, None] - scores[None, :]
    if settings.rule == "random_partner":
        enough = (gap >= settings.delta_quip) & (gap > 0)
    else:
        enough = gap > settings.delta_quip
    return np.asarray(enough)


def _may_be_paired(responses: Sequence[Response], delta_length: float) -> _Valid:
    lengths = np.array([response.length for response in responses])
    shorter = np.minimum(lengths[:, None], lengths[None, :])
    alike = np.abs(lengths[:, None] - lengths[None, :]) / shorter <= delta_length
    texts = np.array([response.text for response in responses], dtype=object)
    return np.asarray(alike & (texts[:, None] != texts[None, :]))


def _descending(scores: _Scores) -> list[int]:
    """Return positions by score, the highest first; of equal ones the first in order first."""
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
        partners = np.flatnonzero(valid[chosen])
        if len(partners):
            digest = hashlib.blake2b(f"{key}:{samples[chosen]}".encode(), digest_size=8).digest()
            yield chosen, int(partners[int.from_bytes(digest, "big") % len(partners)])


def _by_widest_gap(scores: _Scores, valid: _Valid) -> Iterator[tuple[int, int]]:
    for chosen in _descending(scores):
        partners = np.flatnonzero(valid[chosen])
        if len(partners):
            yield chosen, int(partners[np.argmin(scores[partners])])
