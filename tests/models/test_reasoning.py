"""Where answers start, in texts and in tokens."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.models.reasoning import WHOLE, Answer, Marks, TokenMarks
from tiny_model import tiny_tokenizer

MARKS = Marks()
PIECES = st.lists(st.sampled_from(["<think>", "</think>", "ice", " ", "\n", "<", "k>", "/"]))


def naive_answer(text: str, opened: bool) -> str | None:
    """Take thoughts away piece by piece."""
    inside, answer, ended = opened, "", False
    for piece in re.split(r"(</?think>)", text):
        if piece == "<think>":
            inside = True
        elif piece == "</think>":
            inside, answer, ended = False, "", True
        elif not inside:
            answer += piece
    if inside:
        return None
    return answer.lstrip() if ended else answer


@given(PIECES.map("".join), st.booleans())
def test_the_answer_is_what_remains_after_the_last_thought(text: str, opened: bool) -> None:
    start = MARKS.answer_start(text, opened=opened)
    assert (None if start is None else text[start:]) == naive_answer(text, opened)


@pytest.mark.parametrize(
    ("prompt", "opened"),
    [
        ("Why?", False),
        ("Why?<think>\n", True),
        ("Why?<think>\n\n</think>\n", False),
        ("<think>a</think>b Why?<think>", True),
    ],
)
def test_a_template_may_open_the_thoughts(prompt: str, opened: bool) -> None:
    assert MARKS.are_opened(prompt) is opened
    tokenizer = tiny_tokenizer()
    assert TokenMarks(MARKS, tokenizer).are_opened(tokenizer(prompt)["input_ids"]) is opened


def test_empty_marks_and_equal_marks_are_refused() -> None:
    with pytest.raises(ValueError, match="both marks of thoughts are '<t>'"):
        Marks("<t>", "<t>")
    with pytest.raises(ValueError, match="empty"):
        Marks("<think>", "")


def with_marks(special: bool) -> Any:
    """A tokenizer that has the marks as tokens."""
    from tokenizers import AddedToken

    tokenizer = tiny_tokenizer()
    tokens = [AddedToken(mark, special=special) for mark in ("<think>", "</think>")]
    if special:
        tokenizer.add_special_tokens({"additional_special_tokens": tokens})
    else:
        tokenizer.add_tokens(tokens)
    return tokenizer


KINDS = {
    "letters": tiny_tokenizer,
    "tokens": lambda: with_marks(special=False),
    "special": lambda: with_marks(special=True),
}


@pytest.mark.parametrize("kind", KINDS)
@given(text=PIECES.map("".join), opened=st.booleans(), ended=st.booleans())
def test_tokens_are_split_where_the_text_is(
    kind: str, text: str, opened: bool, ended: bool
) -> None:
    tokenizer = KINDS[kind]()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    shown = tokenizer.decode(ids, skip_special_tokens=True)
    ids += [tokenizer.eos_token_id] * ended
    found = TokenMarks(MARKS, tokenizer).answer(ids, shown, opened=opened)
    expected = naive_answer(text, opened)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert shown[found.char :] == expected.replace("<think>", "").replace("</think>", "")
    answer = tokenizer.decode(ids[found.token :], skip_special_tokens=True)
    assert answer == shown[found.char :]


def test_a_response_without_marks_is_an_answer() -> None:
    tokenizer = tiny_tokenizer()
    ids = tokenizer("Ice.", add_special_tokens=False)["input_ids"]
    marks = TokenMarks(MARKS, tokenizer)
    assert marks.answer(ids, "Ice.", opened=False) == WHOLE == Answer(0, 0)
    assert marks.answer(ids, "Ice.", opened=True) is None
    assert marks.answer([], "", opened=False) == WHOLE
