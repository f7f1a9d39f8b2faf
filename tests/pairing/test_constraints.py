"""Constraints and the filter of DNO, against their definitions in exact arithmetic."""

from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.config import CandidatesConfig, PairsConfig, PreferenceConfig
from quotetune.config.constraints import ConstraintConfig
from quotetune.config.validation import preference_problems
from quotetune.metrics.criteria import CRITERIA
from quotetune.pairing.candidates import GOLD, Candidate
from quotetune.pairing.constraints import within_bounds
from quotetune.pairing.pairs import choose_pairs

LOWER_IS_BETTER = {"repetition", "perplexity"}
OF_QUOTES = {"quip", "on_topic_quip", "long_quotes", "rarity"}
# Coarse numbers make ties and exact thresholds common.
eighths = st.integers(-8, 8).map(lambda k: k / 8)
numbers = st.lists(st.one_of(st.none(), eighths), max_size=7)


def quantile(values, share):
    """The quantile with linear interpolation between the two values beside it."""
    place = share * (len(values) - 1)
    below = sorted(values)[int(place)]
    above = sorted(values)[-int(-place // 1)]
    return below + (above - below) * (place - int(place))


def naive_within(name, values, bounds, direction):
    """All (chosen, rejected) that keep the bounds, by definition."""
    sign = -1 if (name in LOWER_IS_BETTER) != (direction == "unquote" and name in OF_QUOTES) else 1
    good = [None if value is None else sign * Fraction(value) for value in values]
    known = [value for value in good if value is not None]

    def in_top(value):
        share = 1 - Fraction(str(bounds.top_share or 1))
        return value is None or value >= quantile(known, share)

    def keeps(w, r):
        if not in_top(w) or not in_top(r):
            return False
        if w is not None and bounds.worst_chosen is not None and w < sign * bounds.worst_chosen:
            return False
        if w is None or r is None:
            return True
        if bounds.worse_by is not None and r - w > bounds.worse_by:
            return False
        change = bounds.relative_change
        return change is None or abs(w - r) < Fraction(change) * min(abs(w), abs(r))

    places = range(len(values))
    return {(w, r) for w in places for r in places if keeps(good[w], good[r])}


all_bounds = st.fixed_dictionaries(
    {
        "worse_by": st.sampled_from([None, 0.0, 0.25]),
        "relative_change": st.sampled_from([None, 0.25, 0.5, 1.0, 2.0]),
        "top_share": st.sampled_from([None, 0.1, 0.25, 0.3, 0.5, 0.7, 1.0]),
        "worst_chosen": st.one_of(st.none(), eighths),
    }
).filter(lambda bounds: any(value is not None for value in bounds.values()))


@given(
    st.sampled_from(sorted(CRITERIA)),
    numbers,
    all_bounds.map(lambda bounds: ConstraintConfig(**bounds)),
    st.sampled_from(["quote", "unquote"]),
)
def test_the_pairs_within_bounds_are_those_of_the_definition(name, values, bounds, direction):
    found = within_bounds(name, values, bounds, direction)
    places = range(len(values))
    kept = {(w, r) for w in places for r in places if found[w, r]}
    assert kept == naive_within(name, values, bounds, direction)


@given(st.lists(st.tuples(eighths, eighths), min_size=2, max_size=6), all_bounds, all_bounds)
def test_a_pair_keeps_the_bounds_of_all_criteria_or_is_no_pair(rows, of_quip, of_score):
    responses = [
        Candidate(i, f"t{i}", (quip + 1) / 2, 10, {"bart_score": score})
        for i, (quip, score) in enumerate(rows)
    ]
    constraints = {"quip": of_quip, "bart_score": of_score}
    config = PairsConfig(rule="large_margin", margin=0, delta_quip=0, constraints=constraints)
    choice = choose_pairs(responses, config, seed=0, prompt_id="p")
    kept = naive_within("quip", [(q + 1) / 2 for q, _ in rows], config.constraints.quip, "quote")
    kept &= naive_within("bart_score", [s for _, s in rows], config.constraints.bart_score, "quote")
    better = {(w, r) for w, r in permutations(range(len(rows)), 2) if rows[w][0] > rows[r][0]}
    assert set(choice.pairs) == kept & better
    if better and not choice.pairs:
        assert choice.discard == "constrained"


def test_only_the_top_share_of_the_responses_is_paired():
    responses = [Candidate(i, f"t{i}", i / 10, 10) for i in range(9)]
    constraints = {"quip": {"top_share": 0.5}}
    config = PairsConfig(rule="widest_gap", constraints=constraints)
    assert choose_pairs(responses, config, seed=0, prompt_id="p").pairs == [(8, 4)]


def test_the_response_at_the_quantile_is_in_the_top_whatever_floats_make_of_it():
    bounds = ConstraintConfig(top_share=0.7)  # 1 - 0.7 is 0.30000000000000004
    values = [float(k) for k in range(11)]
    assert within_bounds("quip", values, bounds, "quote").any(axis=1).tolist() == [
        k >= 3 for k in range(11)
    ]


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=6),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.25, 0.5]),
    st.sampled_from([0.5, 0.75, 1.0]),
    st.integers(0, 5),
)
def test_the_filter_of_dno_needs_less_of_the_students_own_response(
    grades, gold, own_margin, margin, worst
):
    """The chosen side is good, and wins by a margin that is smaller if it is the policy's own."""
    responses = [Candidate(i, f"t{i}", grade / 5, 10) for i, grade in enumerate([*grades, gold])]
    responses[-1] = Candidate(GOLD, "reference", gold / 5, 10)
    config = PairsConfig(
        rule="large_margin",
        delta_quip=None,
        margin=margin,
        own_margin=own_margin,
        constraints={"quip": {"worst_chosen": worst / 5}},
    )
    votes = PreferenceConfig.model_validate({"quip": {"tau": 0}})
    choice = choose_pairs(responses, config, seed=0, prompt_id="p", preference=votes)

    def rate(y):
        others = [z for z in responses if z is not y]
        return sum(Fraction((y.quip > z.quip) + (y.quip >= z.quip), 2) for z in others) / len(
            others
        )

    expected = {
        (responses.index(y), responses.index(z))
        for y, z in permutations(responses, 2)
        if y.quip >= worst / 5
        and y.quip > z.quip
        and float(rate(y)) - float(rate(z)) >= (margin if y.sample == GOLD else own_margin)
    }
    assert set(choice.pairs) == expected


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"constraints": {"quip": {}}}, "has no bound: set one of worse_by"),
        ({"constraints": {"quip": {"top_share": 0}}}, "greater than 0"),
        ({"constraints": {"quip": {"worst_chosen": float("nan")}}}, "finite"),
        ({"own_margin": 0.1}, "own_margin needs a margin"),
        ({"own_margin": 0.3, "margin": 0.2}, "own_margin is 0.3, above the margin 0.2"),
    ],
)
def test_a_bound_or_margin_that_means_nothing_is_refused(keys, text):
    with pytest.raises(ValueError, match=text):
        PairsConfig(**keys)


def test_a_margin_of_own_samples_is_for_candidates_with_references():
    pairs = PairsConfig(margin=0.2, own_margin=0.1)
    (problem,) = preference_problems(None, pairs, CandidatesConfig())
    assert str(problem).startswith("pairs.own_margin: is for the policy's own samples beside")
    assert preference_problems(None, pairs, CandidatesConfig(gold=True)) == []
