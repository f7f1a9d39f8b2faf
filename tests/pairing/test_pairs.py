"""The rules that make preference pairs, against an enumeration of all ordered pairs."""

from collections import Counter
from hashlib import blake2b
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotetune.config import PairsConfig
from quotetune.pairing.candidates import Candidate
from quotetune.pairing.pairs import Choice, choose_pairs

RULES = ["average", "first_fit", "random_partner", "widest_gap"]


def responses_of(*rows):
    return [Candidate(i, text, quip, length) for i, (text, quip, length) in enumerate(rows)]


@st.composite
def response_lists(draw):
    """Coarse scores and lengths make ties, exact thresholds and equal texts common."""
    kinds = st.tuples(
        st.sampled_from("abcdef"),
        st.one_of(st.none(), st.integers(0, 8).map(lambda k: k / 8)),
        st.integers(1, 12),
    )
    return responses_of(*draw(st.lists(kinds, max_size=8)))


configs = st.builds(
    PairsConfig,
    rule=st.sampled_from(RULES),
    delta_quip=st.sampled_from([0.0, 0.125, 0.25, 0.6]),
    delta_length=st.sampled_from([0.0, 0.1, 0.5, 3.0]),
    pairs_per_prompt=st.integers(1, 4),
    direction=st.sampled_from(["quote", "unquote"]),
)


def naive_valid_pairs(responses, config):
    """All valid (chosen, rejected) by definition: the oracle."""
    valid = []
    for w, r in permutations(responses, 2):
        if w.quip is None or r.quip is None or w.text == r.text:
            continue
        gap = w.quip - r.quip if config.direction == "quote" else r.quip - w.quip
        wide = gap > config.delta_quip
        if config.rule == "random_partner":
            wide = gap >= config.delta_quip and gap > 0
        if wide and abs(w.length - r.length) / min(w.length, r.length) <= config.delta_length:
            valid.append((w, r))
    return valid


def naive_choice(responses, config):
    """The first pairs of the three deterministic rules."""
    sign = 1 if config.direction == "quote" else -1
    valid = naive_valid_pairs(responses, config)

    def rank(response):
        return (-sign * response.quip, response.sample)

    if config.rule == "average":
        valid.sort(key=lambda p: (-sign * (p[0].quip + p[1].quip) / 2, p[0].sample, p[1].sample))
    elif config.rule == "first_fit":
        valid.sort(key=lambda p: (rank(p[0]), rank(p[1])))
    else:
        chosen = sorted({w.sample for w, _ in valid}, key=lambda i: rank(responses[i]))
        best = []
        for i in chosen:
            partners = [r for w, r in valid if w.sample == i]
            best.append((responses[i], min(partners, key=lambda r: (sign * r.quip, r.sample))))
        valid = best
    return [(w.sample, r.sample) for w, r in valid[: config.pairs_per_prompt]]


def released_choice(responses, config, visited):
    """The pairs of the released code, which visits the lower responses in the order `visited`."""
    sign = 1 if config.direction == "quote" else -1
    scored = [response for response in responses if response.quip is not None]
    pairs = []
    for w in sorted(scored, key=lambda response: (-sign * response.quip, response.sample)):
        for r in sorted(scored, key=lambda response: visited.index((w.sample, response.sample))):
            gap = sign * (w.quip - r.quip)
            fits = abs(w.length - r.length) / min(w.length, r.length) <= config.delta_length
            if gap >= config.delta_quip and gap > 0 and fits and w.text != r.text:
                pairs.append((w.sample, r.sample))
            if len(pairs) == config.pairs_per_prompt:
                return pairs
    return pairs


def assert_released(choice, responses, config):
    """Some order of visits gives these pairs: first those that were found, then all others."""
    everyone = [(w, r) for w in range(len(responses)) for r in range(len(responses))]
    assert choice.pairs == released_choice(responses, config, [*choice.pairs, *everyone])


@settings(max_examples=2000, deadline=None)
@given(response_lists(), configs)
def test_every_rule_gives_what_enumerating_all_pairs_gives(responses, config):
    choice = choose_pairs(responses, config, seed=1, prompt_id="p")
    if config.rule == "random_partner":
        assert_released(choice, responses, config)
    else:
        assert choice.pairs == naive_choice(responses, config)


@settings(max_examples=1000, deadline=None)
@given(response_lists(), configs)
def test_a_prompt_has_either_pairs_or_the_first_reason_that_explains_why_not(responses, config):
    choice = choose_pairs(responses, config, seed=1, prompt_id="p")
    scored = [response for response in responses if response.quip is not None]
    any_length = PairsConfig(**{**config.model_dump(), "delta_length": 1e9})
    if naive_valid_pairs(responses, config):
        expected = None
    elif len(scored) < 2:
        expected = "too_short"
    elif len({response.text for response in scored}) == 1:
        expected = "all_equal"
    elif any(
        abs(a.quip - b.quip) > config.delta_quip
        or (
            config.rule == "random_partner" and abs(a.quip - b.quip) >= max(config.delta_quip, 1e-9)
        )
        for a in scored
        for b in scored
    ):
        expected = "no_length_match"
    else:
        expected = "no_gap"
    assert choice.discard == expected
    assert bool(choice.pairs) == (expected is None)
    assert len(naive_valid_pairs(responses, any_length)) >= len(choice.pairs)


@settings(max_examples=300, deadline=None)
@given(response_lists(), configs, st.randoms())
def test_the_order_of_the_responses_does_not_matter(responses, config, random):
    shuffled = list(responses)
    random.shuffle(shuffled)

    def samples(given):
        pairs = choose_pairs(given, config, seed=1, prompt_id="p").pairs
        return [(given[w].sample, given[r].sample) for w, r in pairs]

    assert samples(shuffled) == samples(responses)


# Worked by hand. QUIP 0.5, 0.4, 0.2, 0.1. All lengths match, except that of 0.
BY_HAND = responses_of(("a", 0.5, 99), ("b", 0.4, 10), ("c", 0.2, 10), ("d", 0.1, 10))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("average", (1, 2)), ("first_fit", (1, 2)), ("widest_gap", (1, 3))],
)
def test_the_rules_by_hand(rule, expected):
    config = PairsConfig(rule=rule, delta_quip=0.05, delta_length=0.1)
    assert choose_pairs(BY_HAND, config, seed=0, prompt_id="p") == Choice([expected])


def test_average_and_first_fit_differ_where_the_best_response_has_only_a_bad_partner():
    responses = responses_of(("a", 0.9, 10), ("b", 0.8, 50), ("c", 0.7, 50), ("d", 0.1, 10))
    average = PairsConfig(rule="average", delta_quip=0.05, delta_length=0)
    first_fit = PairsConfig(rule="first_fit", delta_quip=0.05, delta_length=0)
    assert choose_pairs(responses, average, seed=0, prompt_id="p").pairs == [(1, 2)]
    assert choose_pairs(responses, first_fit, seed=0, prompt_id="p").pairs == [(0, 3)]


@pytest.mark.parametrize("rule", RULES)
def test_a_gap_of_exactly_delta_is_enough_only_for_the_released_code(rule):
    responses = responses_of(("a", 0.5, 10), ("b", 0.25, 10))
    config = PairsConfig(rule=rule, delta_quip=0.25)
    choice = choose_pairs(responses, config, seed=0, prompt_id="p")
    assert choice == (Choice([(0, 1)]) if rule == "random_partner" else Choice([], "no_gap"))


@pytest.mark.parametrize("rule", RULES)
def test_a_length_difference_of_exactly_delta_is_enough_relative_to_the_shorter(rule):
    config = PairsConfig(rule=rule, delta_length=0.1)
    at = responses_of(("a", 0.5, 11), ("b", 0.1, 10))
    above = responses_of(("a", 0.5, 112), ("b", 0.1, 100))
    assert choose_pairs(at, config, seed=0, prompt_id="p").discard is None
    assert choose_pairs(above, config, seed=0, prompt_id="p").discard == "no_length_match"


def test_unquote_prefers_the_response_that_quotes_less():
    config = PairsConfig(rule="widest_gap", delta_quip=0.05, direction="unquote")
    assert choose_pairs(BY_HAND, config, seed=0, prompt_id="p").pairs == [(3, 1)]


def test_the_random_partner_depends_on_seed_and_prompt_and_takes_every_valid_one_alike():
    responses = responses_of(("a", 0.9, 10), *((f"t{i}", 0.1, 10) for i in range(4)))
    config = PairsConfig(rule="random_partner")

    def partner(seed, prompt_id):
        return choose_pairs(responses, config, seed=seed, prompt_id=prompt_id).pairs[0][1]

    assert partner(0, "p") == partner(0, "p")
    for drawn in (
        [partner(0, f"p{i}") for i in range(2000)],
        [partner(seed, "p") for seed in range(2000)],
    ):
        assert all(abs(drawn.count(i) - 500) < 100 for i in (1, 2, 3, 4))  # 5 standard deviations


def test_the_top_response_has_several_random_partners_before_the_next_one_is_chosen():
    # Only the four of QUIP 0.1 fit the best two.
    quips = [0.9, 0.8, 0.1, 0.1, 0.1, 0.1]
    responses = responses_of(*((f"t{i}", quip, 10) for i, quip in enumerate(quips)))

    def pairs(most, prompt_id="p"):
        config = PairsConfig(rule="random_partner", delta_quip=0.2, pairs_per_prompt=most)
        return choose_pairs(responses, config, seed=0, prompt_id=prompt_id).pairs

    assert [chosen for chosen, _ in pairs(9)] == [0] * 4 + [1] * 4
    assert pairs(5) == pairs(9)[:5]
    drawn = Counter(tuple(r for _, r in pairs(4, f"p{i}")) for i in range(2400))
    assert set(drawn) == set(permutations((2, 3, 4, 5)))
    assert all(abs(count - 100) < 50 for count in drawn.values())  # 5 standard deviations


def test_a_single_random_partner_is_the_one_that_earlier_versions_drew():
    responses = responses_of(("a", 0.9, 10), *((f"t{i}", 0.1, 10) for i in range(5)))
    for i in range(20):
        draw = int.from_bytes(blake2b(f"3:p{i}:0".encode(), digest_size=8).digest(), "big")
        choice = choose_pairs(responses, PairsConfig(), seed=3, prompt_id=f"p{i}")
        assert choice.pairs == [(0, 1 + draw % 5)]
