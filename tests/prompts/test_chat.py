"""The tokens of a prompt."""

import pytest

from quotetune.errors import UsageError
from quotetune.prompts.chat import prompt_token_ids
from quotetune.prompts.prompt import Prompt
from tiny_model import tiny_tokenizer


def tokens(tokenizer, text=None, messages=None) -> str:
    prompt = Prompt("p", text, messages)
    return tokenizer.decode(prompt_token_ids(prompt, tokenizer))


def test_a_text_gets_the_tokenizers_own_special_tokens():
    assert tokens(tiny_tokenizer(), text="Zoe\nis") == "<|begin|>Zoe\nis"


def test_a_chat_gets_the_template_and_the_header_of_the_answer():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert tokens(tiny_tokenizer(), messages=messages) == (
        "<|begin|>[system] Be brief.\n[user] Hi\n[assistant] "
    )


def test_a_text_that_spells_out_the_begin_token_has_it_once():
    assert tokens(tiny_tokenizer(), text="<|begin|>Hi") == "<|begin|>Hi"


def test_a_template_that_repeats_the_begin_token_has_it_once():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    assert tokens(tokenizer, messages=[{"role": "user", "content": "Hi"}]) == (
        "<|begin|>[user] Hi\n[assistant] "
    )


def test_a_tokenizer_without_a_begin_token_adds_none():
    tokenizer = tiny_tokenizer()
    tokenizer.bos_token = None
    prompt = Prompt("p", "aa")
    ids = prompt_token_ids(prompt, tokenizer)
    assert ids[-2] == ids[-1]


def test_a_chat_without_a_template_is_refused():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = None
    with pytest.raises(UsageError, match=r"prompt p: .*set prompts\.format to text"):
        tokens(tokenizer, messages=[{"role": "user", "content": "Hi"}])
