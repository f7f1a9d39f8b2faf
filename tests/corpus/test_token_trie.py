"""The tokens that may come next are those of any string that starts as the response goes on."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quotetune.corpus.token_trie import TokenTrie
from quotetune.errors import UsageError

TOKENS = st.integers(1, 4)
SEQUENCES = st.lists(st.lists(TOKENS, min_size=1, max_size=5), min_size=1, max_size=12)
RESPONSES = st.lists(st.lists(st.integers(0, 5), max_size=12), max_size=8)
ENDS = st.sampled_from([[], [0], [0, 5]])


def naive_allowed(
    sequences: list[list[int]], most: int, ends: list[int], response: list[int]
) -> list[int]:
    """Match the response with every string, again and again: the oracle."""
    kept = [
        one
        for one in sequences
        if not any(other[: len(one)] == one and other != one for other in sequences)
    ]
    rest, complete = response, 0
    while True:
        if complete == most and ends:
            return ends
        whole = [one for one in kept if rest[: len(one)] == one]
        if not whole:
            break
        rest, complete = rest[len(whole[0]) :], complete + 1
    going_on = sorted({one[len(rest)] for one in kept if one[: len(rest)] == rest})
    if not going_on:
        return ends
    return going_on if rest or not complete else going_on + ends


@given(SEQUENCES, st.integers(1, 3), ENDS, RESPONSES, st.data())
@example([[1, 2], [1, 2, 3], [1, 2]], 2, [0], [[1, 2], [1, 2, 3]], None)
def test_any_response_goes_on_as_one_of_the_strings_does(sequences, most, ends, responses, data):
    trie = TokenTrie(sequences, most, ends)
    if data is not None:
        # Most responses at random are none that the trie lets come.
        for _ in range(3):
            walk: list[int] = []
            for _ in range(data.draw(st.integers(0, 12))):
                options = naive_allowed(sequences, most, ends, walk)
                if not options:
                    break
                walk.append(data.draw(st.sampled_from(options)))
            responses = [*responses, walk]
    states, tokens = trie.allowed(responses)
    assert len(states) == len(responses)
    for state, response in zip(states, responses, strict=True):
        assert tokens[state].tolist() == naive_allowed(sequences, most, ends, response)


def test_responses_in_the_same_state_share_their_tokens():
    trie = TokenTrie([[1, 2, 9], [1, 3, 9], [4, 9]], most=3, ends=[0])
    states, tokens = trie.allowed([[1], [4, 9, 1], [4, 9], [1, 2, 9], [1, 2, 9, 4, 9, 1]])
    assert states.tolist() == [0, 0, 1, 1, 0]
    assert [own.tolist() for own in tokens] == [[2, 3], [1, 4, 0]]


def test_the_order_of_the_strings_and_a_string_given_twice_change_nothing():
    strings = [[3, 1], [1, 1], [1, 4], [1, 1]]
    for given_strings in (strings, strings[::-1]):
        trie = TokenTrie(given_strings, most=1, ends=[0])
        assert len(trie) == 3
        assert [own.tolist() for own in trie.allowed([[], [1]])[1]] == [[1, 3], [1, 4]]


@pytest.mark.parametrize("sequences", [[], [[]]])
def test_without_a_string_there_is_nothing_to_write(sequences):
    with pytest.raises(UsageError, match="no string"):
        TokenTrie(sequences, most=1, ends=[0])


@pytest.mark.parametrize("most", [0, -1])
def test_a_response_has_a_string(most):
    with pytest.raises(UsageError, match=f"most is {most}"):
        TokenTrie([[1]], most, ends=[0])


def test_without_a_response_there_is_no_state():
    states, tokens = TokenTrie([[1]], most=1, ends=[0]).allowed([])
    assert (states.tolist(), tokens) == ([], [])
