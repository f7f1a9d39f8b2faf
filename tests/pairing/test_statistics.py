"""What the statistics of pairs say in words."""

from typing import Any

import pytest

from quotetune.config import PairsConfig
from quotetune.models.reasoning import WHOLE
from quotetune.pairing.candidates import RankedCandidate, TokenizedCandidate
from quotetune.pairing.pairs import Pair
from quotetune.pairing.statistics import Statistics, Tally, no_pairs_message, statistics_lines


def candidate(**changes: Any) -> RankedCandidate:
    given: dict[str, Any] = {
        "sample": 0,
        "text": "a",
        "quip": 0.5,
        "length": 1,
        "prompt_id": "p",
        "prompt_token_ids": [1],
        "response": "a",
        "token_ids": [2],
        "cut": False,
    }
    return RankedCandidate(TokenizedCandidate(**given | changes), 0.5, False)


def without_pair(answered: list[bool]) -> Statistics:
    """The statistics of a prompt whose samples have an answer or not, and that gave no pair."""
    tally = Tally([], PairsConfig())
    for has_answer in answered:
        answer = {"answer": WHOLE} if has_answer else {"answer": None, "text": "", "quip": None}
        tally.add_candidates([candidate(**answer)])
    tally.add_prompt([], "too_short", 0)
    return tally.statistics()


def test_if_no_sample_has_an_answer_the_remedy_is_about_thoughts_alone() -> None:
    message = no_pairs_message(without_pair([False, False]))
    assert message == (
        "no pair from 1 prompt: no sample has an answer, because the thoughts did not end:"
        " raise model.reasoning.max_tokens, or correct the marks in model.reasoning"
    )


def test_if_no_pair_keeps_the_constraints_the_remedy_is_about_them() -> None:
    tally = Tally([], PairsConfig())
    for reason in ("constrained", "constrained"):
        tally.add_prompt([], reason, 0)
    assert no_pairs_message(tally.statistics()) == (
        "no pair from 2 prompts: no pair from the others: 2 pairs, but none within the constraints:"
        " widen or remove bounds of pairs.constraints"
    )
    tally.add_prompt([], "no_gap", 0)
    assert "lower pairs.delta_quip" in no_pairs_message(tally.statistics())


@pytest.mark.parametrize(("answered", "names_thoughts"), [([True, True], 0), ([True, False], 1)])
def test_otherwise_the_remedy_is_about_pairs(answered: list[bool], names_thoughts: int) -> None:
    message = no_pairs_message(without_pair(answered))
    assert "raise sampling.n" in message and "lower pairs.delta_quip" in message
    assert message.count("model.reasoning.max_tokens") == names_thoughts
    assert message.count("1 of 2 samples without an answer") == names_thoughts


@pytest.mark.parametrize(
    ("count", "line"),
    [
        (1, "1 of 1 prompt gave 1 pair; no prompt was discarded"),
        (2, "2 of 2 prompts gave 2 pairs; no prompt was discarded"),
    ],
)
def test_one_pair_is_singular(count: int, line: str) -> None:
    tally = Tally([], PairsConfig())
    for number in range(count):
        sides = [candidate(prompt_id=str(number)), candidate(prompt_id=str(number), quip=0.1)]
        tally.add_candidates(sides)
        tally.add_prompt([Pair(*sides, preference=0.9)], None, 0)
    first, samples, pairs = statistics_lines(tally.statistics() | {"preference": {"quip": 1.0}})
    assert first == line
    assert ", 1 token," in samples and "1 tokens" not in samples
    assert pairs.startswith("pairs: QUIP 0.500 over 0.100")
