"""Pairs across prompts by the rule of the released code, against that rule in a few lines."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from quotetune.config import PairsConfig
from quotetune.pairing.candidates import GOLD, RankedCandidate, TokenizedCandidate
from quotetune.pairing.cross_prompt import OtherPrompts, first_sampled
from quotetune.pairing.pairs import Pair, PairedPrompt


def ranked(prompt_id, sample, text, quip, length, *, repetitive=False):
    tokens = {"prompt_token_ids": [1], "response": text, "token_ids": [2] * length}
    candidate = TokenizedCandidate(
        sample, text, quip, length, prompt_id=prompt_id, cut=False, **tokens
    )
    return RankedCandidate(candidate, None if quip is None else 0.5, repetitive)


def prompt(name, responses, *, has_pair=False):
    pairs = [Pair(responses[0], responses[0], 0.5)] if has_pair else []
    discard = None if has_pair else "no_gap"
    return PairedPrompt(name, pairs, discard, first=first_sampled(responses))


@st.composite
def prompts_of_a_round(draw):
    """Coarse scores and lengths make exact thresholds and equal texts common."""
    found = []
    rarely = st.sampled_from([False, False, False, True])
    for name in "pqrst"[: draw(st.integers(1, 5))]:
        responses = [
            ranked(
                name,
                sample,
                draw(st.sampled_from("abcd")),
                draw(st.sampled_from([None, 0.0, 0.25, 0.5, 0.75, 1.0])),
                draw(st.integers(1, 4)),
                repetitive=draw(rarely),
            )
            for sample in draw(st.permutations([GOLD, 0, 1]))
        ]
        found.append(prompt(name, responses, has_pair=draw(rarely)))
    return found


def fitting(own, others, config):
    """The responses to other prompts with which the released code would pair a first response."""
    first = own.first.candidate
    sign = -1 if config.direction == "unquote" else 1
    found = set()
    for other in (one.first.candidate for one in others if one is not own):
        if own.pairs or own.first.repetitive or None in (first.quip, other.quip):
            continue
        gap = sign * (other.quip - first.quip)
        enough = gap > 0 if config.delta_quip is None else gap >= config.delta_quip
        lengths = sorted([first.length, other.length])
        alike = (lengths[1] - lengths[0]) / lengths[0] <= config.delta_length
        if enough and alike and first.text != other.text:
            found.add(other.prompt_id)
    return found


def cross_prompt_pairs(prompts, config, seed):
    """The pairs across prompts of those prompts that can have some."""
    others = OtherPrompts(config, seed)
    for one in prompts:
        others.add(one)
    made = enumerate(prompts)
    return {one.prompt_id: others.pairs(at, one) for at, one in made if not one.pairs}


def released(trials, **keys):
    return PairsConfig(negatives={"cross_prompt": {"trials": trials}}, **keys)


@settings(max_examples=300, deadline=None)
@given(
    prompts_of_a_round(),
    st.sampled_from([None, 0.0, 0.25, 0.5]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from(["quote", "unquote"]),
)
def test_a_prompt_without_a_pair_rejects_the_first_response_of_one_that_quotes_more(
    prompts, delta_quip, delta_length, direction
):
    # With 400 trials, one of at most 4 other prompts is missed with a probability of 1e-50.
    config = released(400, delta_quip=delta_quip, delta_length=delta_length, direction=direction)
    crossed = cross_prompt_pairs(prompts, config, seed=1)
    for one in prompts:
        pairs = crossed.get(one.prompt_id, [])
        expected = fitting(one, prompts, config)
        assert len(pairs) == min(1, len(expected))
        for pair in pairs:
            assert (pair.chosen, pair.chosen.candidate.sample) == (one.first, 0)
            assert pair.rejected.candidate.sample == 0
            assert pair.rejected.candidate.prompt_id in expected
            assert pair.preference is None


def test_every_trial_draws_any_other_prompt_alike_and_their_number_is_bounded():
    own = prompt("own", [ranked("own", 0, "a", 0.1, 10)])
    others = [prompt(f"q{i}", [ranked(f"q{i}", 0, "b", 0.9, 10)], has_pair=True) for i in range(4)]
    misfit = prompt("misfit", [ranked("misfit", 0, "c", 0.0, 10)], has_pair=True)
    round_ = [*others[:2], own, *others[2:], misfit]

    def drawn(trials):
        found = Counter()
        for seed in range(1000):
            (pairs,) = cross_prompt_pairs(round_, released(trials), seed).values()
            found.update(pair.rejected.candidate.prompt_id for pair in pairs)
        return found

    once = drawn(1)
    assert all(abs(once[f"q{i}"] - 200) < 65 for i in range(4))  # 5 standard deviations
    assert once["misfit"] == 0
    assert abs(sum(once.values()) - 800) < 65
    assert abs(sum(drawn(2).values()) - 960) < 35


def test_a_prompt_that_is_alone_has_no_other_prompt():
    alone = prompt("p", [ranked("p", 0, "a", 0.1, 10)])
    assert cross_prompt_pairs([alone], released(9), seed=0) == {"p": []}
