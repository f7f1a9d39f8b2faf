"""A general preference and its win rates, against the formulas written out."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quotetune.config.preference import PreferenceConfig
from quotetune.metrics.criteria import CRITERIA
from quotetune.pairing.preference import compare, rank_candidates, symmetric

NAMES = ["quip", "on_topic_quip", "length", "repetition", "perplexity"]


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def naive_preference(values, config, unquote=False):
    """P(i > j) as the sum of w_c * sigmoid((s_c(i) - s_c(j)) / tau_c), one number at a time."""
    blocks = {name: block for name, block in config.items() if name != "callables"}
    total = sum(block.get("weight", 1) for block in blocks.values())
    count = len(next(iter(values.values())))

    def one(name, block, i, j):
        a, b = values[name][i], values[name][j]
        if a is None or b is None:
            return 0.5
        kind = CRITERIA[name]
        lower = block.get("prefer", kind.better) == "lower"
        if unquote and kind.of_quotes:
            lower = not lower
        gain = b - a if lower else a - b
        tau = block.get("tau", kind.tau)
        if tau == 0:
            return 0.5 if gain == 0 else float(gain > 0)
        return sigmoid(gain / tau)

    return [
        [
            sum(
                block.get("weight", 1) / total * one(name, block, i, j)
                for name, block in blocks.items()
            )
            for j in range(count)
        ]
        for i in range(count)
    ]


@st.composite
def problems(draw):
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    count = draw(st.integers(1, 6))
    number = st.one_of(st.none(), st.integers(0, 8).map(lambda k: k / 8))
    values = {name: draw(st.lists(number, min_size=count, max_size=count)) for name in names}
    config = {}
    for name in names:
        config[name] = {
            "weight": draw(st.sampled_from([0.5, 1, 3])),
            "tau": draw(st.sampled_from([0.0, 0.05, 1.0])),
        }
        if draw(st.booleans()):
            config[name]["prefer"] = draw(st.sampled_from(["higher", "lower"]))
    return values, config


@settings(max_examples=150)
@given(problems(), st.booleans())
def test_preference_and_win_rates_are_those_of_the_formula(problem, unquote):
    values, config = problem
    ranking = rank_candidates(values, PreferenceConfig.model_validate(config), unquote=unquote)
    expected = naive_preference(values, config, unquote)
    assert ranking.preference == pytest.approx(np.array(expected))
    count = len(expected)
    for i in range(count):
        others = [expected[i][j] for j in range(count) if j != i]
        assert ranking.win_rates[i] == pytest.approx(np.mean(others) if others else 0.5)


@settings(max_examples=60)
@given(problems())
def test_either_is_preferred_to_the_other_and_equal_candidates_win_equally_often(problem):
    values, config = problem
    doubled = {name: [*numbers, numbers[0]] for name, numbers in values.items()}
    ranking = rank_candidates(doubled, PreferenceConfig.model_validate(config))
    assert ranking.preference + ranking.preference.T == pytest.approx(
        np.ones_like(ranking.preference)
    )
    assert ranking.win_rates[0] == ranking.win_rates[-1]  # to the last bit
    assert ranking.scores[0] == ranking.scores[-1]


@given(problems())
def test_only_the_ratios_of_the_weights_matter(problem):
    values, config = problem
    scaled = {name: {**block, "weight": 8 * block["weight"]} for name, block in config.items()}
    first, second = (
        rank_candidates(values, PreferenceConfig.model_validate(given)).preference
        for given in (config, scaled)
    )
    assert (first == second).all()


@given(st.lists(st.integers(0, 8).map(lambda k: k / 8), min_size=2, max_size=6))
def test_a_temperature_that_goes_to_zero_ends_in_a_vote(values):
    numbers = np.array(values)
    assert (compare(numbers, 1e-300) == compare(numbers, 0.0)).all()
    assert set(compare(numbers, 0.0).ravel()) <= {0.0, 0.5, 1.0}


def test_a_majority_may_prefer_in_a_circle():
    votes = {name: {"tau": 0} for name in ("quip", "rarity", "length")}
    values = {"quip": [3, 2, 1], "rarity": [1, 3, 2], "length": [2, 1, 3]}
    ranking = rank_candidates(values, PreferenceConfig.model_validate(votes))
    for i, j in ((0, 1), (1, 2), (2, 0)):
        assert ranking.preference[i, j] == pytest.approx(2 / 3)
    assert ranking.win_rates == pytest.approx([0.5, 0.5, 0.5])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.sampled_from([0.01, 0.1, 1.0]))
def test_one_criterion_ranks_by_itself_and_win_rates_have_the_same_order(values, tau):
    assume(all(a == b or abs(a - b) > 1e-6 for a in values for b in values))
    ranking = rank_candidates(
        {"quip": values}, PreferenceConfig.model_validate({"quip": {"tau": tau}})
    )
    assert ranking.scores.tolist() == values
    for i, a in enumerate(values):
        for j, b in enumerate(values):
            assert (ranking.win_rates[i] > ranking.win_rates[j]) == (a > b)


def test_a_loser_loses_every_comparison_and_ranks_last():
    config = PreferenceConfig.model_validate({"quip": {"tau": 0}})
    ranking = rank_candidates({"quip": [0.9, 0.1, 0.2]}, config, losers=[True, False, False])
    assert ranking.win_rates.tolist() == [0.0, 0.5, 1.0]
    assert ranking.scores.argmin() == 0


@given(st.integers(1, 5), st.randoms(use_true_random=False))
def test_any_function_of_two_becomes_a_symmetric_preference(count, random):
    given = [[random.random() for _ in range(count)] for _ in range(count)]
    matrix = symmetric(lambda i, j: given[i][j], count)
    for i in range(count):
        for j in range(count):
            expected = 0.5 if i == j else (given[i][j] + 1 - given[j][i]) / 2
            assert matrix[i, j] == pytest.approx(expected)


def test_a_criterion_that_compares_two_responses_counts_by_its_weight():
    content = {
        "quip": {"weight": 3, "tau": 0},
        "callables": {"mine": {"function": "a:b", "weight": 1}},
    }
    mine = np.array([[0.5, 0.2], [0.8, 0.5]])
    config = PreferenceConfig.model_validate(content)
    ranking = rank_candidates({"quip": [0.5, 0.1]}, config, pairwise={"mine": mine})
    assert ranking.preference[0, 1] == pytest.approx(0.75 * 1 + 0.25 * 0.2)
    assert config.weights == {"quip": 0.75, "mine": 0.25}
