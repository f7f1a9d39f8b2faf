"""A judge with few comparisons: which candidates it compares, and the win rates that result."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.config.preference import PreferenceConfig
from quotetune.pairing.comparisons import compared
from quotetune.pairing.preference import rank_candidates

JUDGE_ALONE = PreferenceConfig.model_validate({"judge": {"model": {"path": "m"}}})


@pytest.mark.parametrize("count", range(34))
def test_after_any_number_of_comparisons_all_have_been_in_equally_many(count):
    texts = [str(i) for i in range(count)]
    everything = compared(texts, count * count, "0:p")
    assert sorted(everything) == list(combinations(range(count), 2))
    played = Counter(dict.fromkeys(range(count), 0))
    for pair in everything:
        played.update(pair)
        assert max(played.values()) - min(played.values()) <= 1
    for most in (1, count, 2 * count):
        assert compared(texts, most, "0:p") == everything[:most]


def test_the_key_draws_who_is_compared():
    texts = [str(i) for i in range(12)]
    drawn = {tuple(compared(texts, 6, f"{seed}:p")) for seed in range(20)}
    assert len(drawn) > 10
    assert compared(texts, 6, "3:p") == compared(texts, 6, "3:p")


def test_without_a_cap_every_two_are_compared_in_the_order_of_the_candidates():
    assert compared(["a", "b", "a", "c"], None, "0:p") == [(0, 1), (0, 3), (1, 2), (1, 3), (2, 3)]


@given(st.lists(st.sampled_from("ab"), max_size=9), st.integers(1, 40))
def test_equal_texts_take_no_comparisons_away_from_others(texts, most):
    found = compared(texts, most, "0:p")
    assert all(texts[i] != texts[j] for i, j in found)
    assert len(set(found)) == len(found)
    assert len(found) == min(most, texts.count("a") * texts.count("b"))


@given(st.integers(2, 7), st.integers(1, 12), st.randoms(use_true_random=False))
def test_a_win_rate_is_the_mean_over_the_comparisons_that_were_made(count, most, random):
    asked = {pair: random.random() for pair in compared(list(map(str, range(count))), most, "")}
    verdicts = np.full((count, count), np.nan)
    np.fill_diagonal(verdicts, 0.5)
    for (i, j), value in asked.items():
        verdicts[i, j], verdicts[j, i] = value, 1 - value
    ranking = rank_candidates({}, JUDGE_ALONE, pairwise={"judge": verdicts})
    for i in range(count):
        wins = [value for (a, _), value in asked.items() if a == i]
        wins += [1 - value for (_, b), value in asked.items() if b == i]
        mean = sum(wins) / len(wins) if wins else 0.5
        assert ranking.win_rates[i] == pytest.approx(mean)
        for j in range(count):
            pair = asked.get((i, j), 1 - asked[j, i] if (j, i) in asked else 0.5)
            assert ranking.preference[i, j] == pytest.approx(pair)


def test_another_criterion_still_counts_over_all_candidates():
    content = {"quip": {"tau": 0}, "judge": {"model": {"path": "m"}}}
    verdicts = np.array([[0.5, 1.0, np.nan], [0.0, 0.5, np.nan], [np.nan, np.nan, 0.5]])
    ranking = rank_candidates(
        {"quip": [0.1, 0.2, 0.3]},
        PreferenceConfig.model_validate(content),
        pairwise={"judge": verdicts},
        losers=[False, False, False],
    )
    # QUIP: 0, 1/2, 1. The judge: 1, 0, and nothing about the third.
    assert ranking.win_rates.tolist() == [0.5, 0.25, 0.75]
    loses = rank_candidates(
        {"quip": [0.1, 0.2, 0.3]},
        PreferenceConfig.model_validate(content),
        pairwise={"judge": verdicts},
        losers=[True, False, False],
    )
    assert loses.win_rates[0] == 0
