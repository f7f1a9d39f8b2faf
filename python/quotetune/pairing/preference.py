"""A general preference P(y > y') over named criteria, and win rates under it: pure functions.

P(y > y') = sum_c w_c sigmoid((s_c(y) - s_c(y')) / tau_c) + sum_j w_j P_j(y > y'), where the weights
sum to 1, s_c are criteria that give each response a number, and P_j compare two responses
themselves. The preference may be intransitive: nothing here needs it to have an order (Munos et al.
2023, Nash learning from human feedback).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quotetune.config.preference import PreferenceConfig
from quotetune.metrics.criteria import CRITERIA

Matrix = npt.NDArray[np.float64]
Values = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Ranking:
    """Candidates under a preference.

    Attributes:
        preference: P(i > j) for every two candidates, of shape (n, n); P(i > j) + P(j > i) = 1.
        win_rates: Mean preference of each over all others.
        scores: Numbers by which the pair rules rank: the win rates, or the values of the only
            criterion, which have the same order.
    """

    preference: Matrix
    win_rates: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    @property
    def win_gaps(self) -> Matrix:
        """The win rate of i minus that of j."""
        return np.asarray(self.win_rates[:, None] - self.win_rates[None, :])


def rank_candidates(
    values: Values,
    config: PreferenceConfig,
    *,
    unquote: bool = False,
    pairwise: Mapping[str, Matrix] | None = None,
    losers: Sequence[bool] | None = None,
) -> Ranking:
    """Rank the candidates of a prompt.

    Args:
        values: The numbers of the candidates by criterion. A candidate whose number is None is even
            with every other candidate.
        config: The criteria in use.
        unquote: Whether to reverse the criteria that measure quoting.
        pairwise: P_j(i > k) by the name of each criterion that compares two responses. It is NaN if
            they were not compared: they are then even, and win rates leave them out.
        losers: Which candidates lose every comparison except those among themselves.

    Returns:
        The ranking.

    Example:
        >>> config = PreferenceConfig.model_validate({"quip": {"tau": 0}, "length": {"tau": 0}})
        >>> ranking = rank_candidates({"quip": [0.1, 0.5, 0.3], "length": [30, 20, 20]}, config)
        >>> ranking.win_rates
        array([0.5  , 0.625, 0.375])
    """
    weights = config.weights
    count = len(next(iter((values or pairwise or {"": []}).values())))
    total = np.zeros((count, count))
    # Only in win rates, for comparisons that were not made.
    correction = np.zeros((count, count))
    for name, criterion in config.scored.items():
        tau = CRITERIA[name].tau if criterion.tau is None else criterion.tau
        assert tau is not None  # every criterion of a preference has a usual temperature
        total += weights[name] * compare(_signed(name, values[name], config, unquote), tau)
    for name, matrix in (pairwise or {}).items():
        even = np.where(np.isnan(matrix), 0.5, matrix)
        total += weights[name] * even
        correction += weights[name] * (_as_the_others(matrix) - even)
    lose = np.zeros(count, bool) if losers is None else np.array(losers, bool)
    total[lose[:, None] & ~lose[None, :]] = 0.0
    total[~lose[:, None] & lose[None, :]] = 1.0
    correction[lose[:, None] != lose[None, :]] = 0.0
    win_rates = mean_win_rates(total + correction)
    scores = win_rates
    if len(weights) == 1 and config.scored:
        [name] = config.scored
        only = _signed(name, values[name], config, unquote)
        scores = win_rates if np.isnan(only).any() else only
    if lose.any():
        scores = np.where(lose, scores.min() - 1, scores)
    return Ranking(total, win_rates, scores)


def compare(values: npt.NDArray[np.float64], tau: float) -> Matrix:
    """Compare candidates by a number: sigmoid((s_i - s_j) / tau).

    Args:
        values: A number per candidate, higher is better; NaN where there is none.
        tau: The temperature. 0 is the limit, a step function that is 1/2 at 0.

    Returns:
        A preference for every two candidates; 1/2 if one of them has no number.

    Example:
        >>> compare(np.array([0.0, 1.0, np.nan]), tau=0.0)
        array([[0.5, 0. , 0.5],
               [1. , 0.5, 0.5],
               [0.5, 0.5, 0.5]])
    """
    difference = np.nan_to_num(values[:, None] - values[None, :], nan=0.0)
    if tau == 0:
        return np.heaviside(difference, 0.5)
    with np.errstate(over="ignore"):
        return np.asarray(0.5 + 0.5 * np.tanh(difference / (2 * tau)))


def symmetric(prefer: Callable[[int, int], float], count: int) -> Matrix:
    """Turn any function of two candidates into a preference: (f(i, j) + 1 - f(j, i)) / 2.

    Args:
        prefer: The probability that the first is preferred to the second.
        count: The number of candidates.

    Returns:
        A preference for every two candidates. An advantage of the first place cancels out.

    Example:
        >>> symmetric(lambda i, j: 1.0, 2)
        array([[0.5, 0.5],
               [0.5, 0.5]])
    """
    matrix = np.full((count, count), 0.5)
    for i in range(count):
        for j in range(i + 1, count):
            matrix[i, j] = (prefer(i, j) + 1 - prefer(j, i)) / 2
            matrix[j, i] = 1 - matrix[i, j]
    return matrix


def mean_win_rates(preference: Matrix) -> npt.NDArray[np.float64]:
    """Return the mean win rate of each candidate over the others, E_{y'}[P(y > y')].

    Rosset et al. 2024, section 3, with the prompt's other candidates for y'.

    Args:
        preference: P(i > j), of shape (n, n).

    Returns:
        A win rate per candidate; 1/2 for a candidate that is alone.
    """
    others = len(preference) - 1
    # Equal candidates have equal rows, so their sums are equal to the last bit.
    won = preference.sum(1) - preference.diagonal()
    return np.asarray(won / others) if others > 0 else np.full(len(preference), 0.5)


def _as_the_others(matrix: Matrix) -> Matrix:
    """Replace the comparisons that were not made by the mean of the candidate's other ones."""
    made = ~np.isnan(matrix)
    np.fill_diagonal(made, False)
    wins = np.where(made, matrix, 0.0).sum(1)
    means = np.divide(wins, made.sum(1), out=np.full(len(matrix), 0.5), where=made.any(1))
    return np.where(np.isnan(matrix), means[:, None], matrix)


def _signed(
    name: str, values: Sequence[float | None], config: PreferenceConfig, unquote: bool
) -> npt.NDArray[np.float64]:
    """Return a criterion's values, negated where lower is better."""
    kind = CRITERIA[name]
    lower = (config.scored[name].prefer or kind.better) == "lower"
    turned = lower != (unquote and kind.of_quotes)
    given = np.array([np.nan if value is None else value for value in values], np.float64)
    return -given if turned else given
