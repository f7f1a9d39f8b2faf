"""Pairs under a general preference, against an enumeration of all ordered pairs."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pairs import RULES, assert_released, configs, naive_choice, response_lists

from quotetune.config import PairsConfig, PreferenceConfig
from quotetune.pairing.candidates import GOLD, Candidate
from quotetune.pairing.pairs import choose_pairs
from quotetune.pairing.preference import rank_candidates

# Votes with weights that are powers of two give exact win rates, so ties are ties.
VOTES = PreferenceConfig.model_validate(
    {"quip": {"weight": 2, "tau": 0}, "on_topic_quip": {"tau": 0}, "repetition": {"tau": 0}}
)


def choose(responses, config, preference, **options):
    return choose_pairs(responses, config, seed=1, prompt_id="p", preference=preference, **options)


@settings(max_examples=400)
@given(
    response_lists(),
    configs,
    st.sampled_from([None, 0.0, 0.01, 1e15]),
    st.sampled_from([0.5, 7.0]),
)
def test_quip_alone_is_plain_quote_tuning_whatever_its_weight_and_temperature(
    responses, config, tau, weight
):
    alone = PreferenceConfig.model_validate({"quip": {"tau": tau, "weight": weight}})
    choice = choose(responses, config, alone)
    assert choice == choose_pairs(responses, config, seed=1, prompt_id="p")
    if config.rule == "random_partner":
        assert_released(choice, responses, config)
    else:
        assert choice.pairs == naive_choice(responses, config)


@st.composite
def measured_responses(draw):
    eighths = st.integers(0, 8).map(lambda k: k / 8)
    responses = []
    for response in draw(response_lists()):
        values = {
            "on_topic_quip": draw(st.one_of(st.none(), eighths)),
            "repetition": draw(eighths),
            "perplexity": draw(st.one_of(st.none(), st.integers(1, 9).map(float))),
        }
        responses.append(replace(response, values=values))
    return responses


def naive_ranked_pairs(responses, config):
    """All valid pairs under `VOTES` by definition, with the win rates."""
    ranked = [response for response in responses if response.quip is not None]
    limit = config.negatives.repetition if config.negatives else None

    def loses(response):
        return limit is not None and response.values["repetition"] >= limit

    def vote(a, b):
        return 0.5 if a is None or b is None or a == b else float(a > b)

    def preference(y, z):
        if loses(y) != loses(z):
            return float(loses(z))
        quip = vote(y.quip, z.quip)
        on_topic = vote(y.values["on_topic_quip"], z.values["on_topic_quip"])
        repeats = vote(-y.values["repetition"], -z.values["repetition"])
        return (2 * quip + on_topic + repeats) / 4

    def win_rate(y):
        others = [preference(y, z) for z in ranked if z is not y]
        return sum(others) / len(others) if others else 0.5

    rates = {response.sample: win_rate(response) for response in ranked}
    bound = config.constraints.perplexity.worse_by if config.constraints else None
    valid = []
    for y, z in permutations(ranked, 2):
        if y.text == z.text or loses(y):
            continue
        if not loses(z) and config.delta_quip is not None and y.quip - z.quip <= config.delta_quip:
            continue
        better = rates[y.sample] > rates[z.sample] or loses(z)
        if not better or rates[y.sample] - rates[z.sample] < (config.margin or 0):
            continue
        if abs(y.length - z.length) / min(y.length, z.length) > config.delta_length:
            continue
        worse = (y.values["perplexity"] or 0) - (z.values["perplexity"] or 0)
        known = None not in (y.values["perplexity"], z.values["perplexity"])
        if bound is not None and known and worse > bound:
            continue
        valid.append((y.sample, z.sample))
    return valid, rates


ranked_configs = st.builds(
    PairsConfig,
    rule=st.sampled_from(["west_of_n", "large_margin"]),
    delta_quip=st.sampled_from([None, 0.0, 0.25]),
    delta_length=st.sampled_from([0.1, 3.0]),
    margin=st.sampled_from([0.0, 0.25, 0.5]),
    pairs_per_prompt=st.sampled_from([None, 1, 3]),
    negatives=st.sampled_from([None, {"repetition": 0.5}]),
    constraints=st.sampled_from([None, {"perplexity": {"worse_by": 2}}]),
)


@settings(max_examples=400)
@given(measured_responses(), ranked_configs)
def test_west_of_n_and_large_margin_are_what_enumerating_all_pairs_gives(responses, config):
    choice = choose(responses, config, VOTES)
    valid, rates = naive_ranked_pairs(responses, config)
    found = [(responses[w].sample, responses[r].sample) for w, r in choice.pairs]
    valid.sort(key=lambda pair: (-(rates[pair[0]] - rates[pair[1]]), pair))
    if config.rule == "west_of_n":
        used, disjoint = set(), []
        for pair in valid:
            if not used & set(pair):
                used |= set(pair)
                disjoint.append(pair)
        assert found == disjoint[: config.pairs_per_prompt or 1]
    else:
        assert found == valid[: config.pairs_per_prompt]
    assert bool(found) == (choice.discard is None) == bool(valid)
    for response, rate in zip(responses, choice.win_rates, strict=True):
        assert rate == rates.get(response.sample)


@settings(max_examples=150)
@given(measured_responses(), configs.filter(lambda config: config.direction == "quote"))
def test_under_every_rule_the_chosen_side_wins_more_often_and_is_never_repetitive(
    responses, config
):
    config = PairsConfig(
        **{
            **config.model_dump(),
            "delta_quip": None,
            "margin": 0.25,
            "negatives": {"repetition": 0.5},
        }
    )
    choice = choose(responses, config, VOTES)
    valid, _ = naive_ranked_pairs(responses, config)
    found = [(responses[w].sample, responses[r].sample) for w, r in choice.pairs]
    assert set(found) <= set(valid)
    assert bool(found) == bool(valid)


def four(**measures):
    """Four responses of one length and falling QUIP, with further measures."""
    return [
        Candidate(
            i, f"text {i}", (4 - i) / 10, 20, {name: row[i] for name, row in measures.items()}
        )
        for i in range(4)
    ]


WIDE = {"delta_quip": None, "delta_length": 0.1}
ON_TOPIC = PreferenceConfig.model_validate({"on_topic_quip": {}})


def test_a_response_on_topic_is_chosen_over_one_that_quotes_more():
    responses = four(on_topic_quip=[0.0, 0.3, 0.0, 0.1])
    config = PairsConfig(rule="west_of_n", **WIDE)
    assert choose(responses, config, ON_TOPIC).pairs == [(1, 0)]


def test_delta_quip_is_a_threshold_on_quip_whatever_is_preferred():
    responses = four(on_topic_quip=[0.0, 0.3, 0.0, 0.1])
    config = PairsConfig(rule="west_of_n", delta_quip=0.05)
    assert choose(responses, config, ON_TOPIC).pairs == [(1, 2)]
    config = PairsConfig(rule="west_of_n", delta_quip=0.25)
    assert choose(responses, config, ON_TOPIC).discard == "no_margin"


def test_the_responses_to_a_prompt_without_documents_are_even_in_on_topic_quip():
    config = PairsConfig(rule="west_of_n", **WIDE)
    choice = choose(four(on_topic_quip=[None] * 4), config, ON_TOPIC)
    assert (choice.discard, choice.win_rates) == ("no_margin", [0.5] * 4)


@pytest.mark.parametrize("rule", [*RULES, "west_of_n"])
def test_a_repetitive_response_is_rejected_however_much_it_quotes(rule):
    responses = four(repetition=[0.9, 0.0, 0.0, 0.0])
    config = PairsConfig(rule=rule, delta_quip=0.25, negatives={"repetition": 0.5})
    (pair,) = choose_pairs(responses, config, seed=0, prompt_id="p").pairs
    assert pair == (1, 0)
    everywhere = four(repetition=[0.9] * 4)
    assert choose_pairs(everywhere, config, seed=0, prompt_id="p").discard == "repetitive"


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("perplexity", [9.0, 7.0, 6.0, 5.0], (1, 3)),
        ("perplexity", [7.0, 5.0, 5.0, 5.0], (0, 3)),
        ("perplexity", [9.0, 9.0, 9.0, None], (0, 3)),
        ("reference_similarity", [0.1, 5.0, 5.0, 5.0], (1, 3)),
        ("bart_score", [-9.0, -6.0, -5.0, -4.0], (1, 3)),
    ],
)
def test_a_constraint_bounds_how_much_worse_the_chosen_side_may_be(name, values, expected):
    config = PairsConfig(rule="west_of_n", delta_quip=0.15, constraints={name: {"worse_by": 2}})
    responses = four(**{name: values})
    assert choose_pairs(responses, config, seed=0, prompt_id="p").pairs == [expected]


def test_constraints_that_leave_no_pair_are_the_reason():
    config = PairsConfig(delta_quip=0.05, constraints={"perplexity": {"worse_by": 0}})
    responses = four(perplexity=[9.0, 8.0, 7.0, 6.0])
    assert choose_pairs(responses, config, seed=0, prompt_id="p").discard == "constrained"


def test_unquote_reverses_the_criteria_that_measure_quoting_and_no_others():
    preference = PreferenceConfig.model_validate({"quip": {"tau": 0}, "length": {"tau": 0}})
    values = {"quip": [0.4, 0.1], "length": [20, 10]}
    assert rank_candidates(values, preference).win_rates.tolist() == [1.0, 0.0]
    assert rank_candidates(values, preference, unquote=True).win_rates.tolist() == [0.5, 0.5]


def test_the_reference_is_ranked_among_the_samples():
    responses = [
        Candidate(0, "a", 0.2, 20),
        Candidate(1, "b", 0.1, 20),
        Candidate(GOLD, "the reference", 0.9, 20),
    ]
    config = PairsConfig(rule="large_margin", margin=0.5, delta_quip=None)
    choice = choose(responses, config, PreferenceConfig.model_validate({"quip": {"tau": 0}}))
    assert choice.win_rates == [0.5, 0.0, 1.0]
    assert choice.pairs == [(2, 1), (2, 0), (0, 1)]


def test_a_response_that_is_too_short_is_nobodys_opponent():
    responses = [Candidate(0, "a", 0.5, 20), Candidate(1, "", None, 0), Candidate(2, "c", 0.1, 20)]
    judge = np.array([[0.5, 0.0, 0.0], [1.0, 0.5, 1.0], [1.0, 0.0, 0.5]])
    config = PairsConfig(rule="west_of_n", delta_quip=None)
    content = {"judge": {"model": {"path": "m"}}}
    choice = choose(
        responses, config, PreferenceConfig.model_validate(content), pairwise={"judge": judge}
    )
    assert choice.pairs == [(2, 0)]
    assert choice.win_rates == [0.0, None, 1.0]
