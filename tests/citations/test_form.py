"""Ids after a text are read back as they were put there, from strings and from tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.citations.form import citation, is_citable, split_citations, with_citations
from quotetune.citations.tokens import citation_tokens, tokens_of_start
from tiny_model import tiny_tokenizer

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(is_citable)
SENTENCES = st.text("ab[] 1.\n", max_size=20).filter(
    lambda text: split_citations(text) == (text, []) and text == text.rstrip()
)


@given(SENTENCES, st.lists(IDS, max_size=4))
def test_ids_that_were_put_after_a_text_are_taken_off_again(text, ids):
    assert split_citations(with_citations(text, ids)) == (text, ids)


@given(SENTENCES, st.lists(IDS, max_size=3), IDS, st.data())
def test_the_unfinished_id_of_a_cut_text_is_taken_off_too(text, ids, last, data):
    cited = with_citations(text, ids)
    unfinished = citation(last)[: data.draw(st.integers(2, len(citation(last)) - 1))]
    assert split_citations(cited + unfinished, cut=True) == (text, ids)
    assert split_citations(cited + unfinished) == (cited + unfinished, [])


@given(st.text("ab[] 1.\n", max_size=20))
def test_the_rest_has_no_ids_and_starts_the_text(text):
    rest, ids = split_citations(text)
    assert text.startswith(rest)
    assert split_citations(rest) == (rest, [])
    assert all(map(is_citable, ids))
    assert (rest == text) == (not ids)


@pytest.mark.parametrize("text", ["a[1]", "as in [1] above", "[a]]", "[a[b]]", "no ids [ ]", "[]"])
def test_other_brackets_stay(text):
    assert split_citations(text) == (text, [])


@given(st.text("ab .[]", max_size=12), st.integers(0, 12))
def test_the_start_of_a_response_keeps_the_tokens_that_were_sampled(text, length):
    tokenizer = tiny_tokenizer()
    sampled = tokenizer(text, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    start = text[:length]
    if start != text:  # each character is a token
        assert tokens_of_start(sampled, start, tokenizer) == sampled[: len(start)]


def test_if_a_token_reaches_beyond_the_end_the_missing_characters_are_tokenised():
    class Words:
        """A tokenizer whose tokens are positions in a list of words."""

        words = ("Ice", " floats", ". [", "Ice]", ".")

        def decode(self, ids, skip_special_tokens):
            return "".join(self.words[id] for id in ids)

        def __call__(self, text, add_special_tokens):
            assert text == "."
            return {"input_ids": [4]}

    assert tokens_of_start([0, 1, 2, 3], "Ice floats.", Words()) == [0, 1, 4]


def test_an_id_has_the_same_tokens_in_every_place():
    tokenizer = tiny_tokenizer()
    one, two = citation_tokens(["Ice", "ab"], tokenizer)
    assert tokenizer.decode(one + two) == " [Ice] [ab]"
    assert citation_tokens(["ab", "Ice"], tokenizer) == [two, one]
