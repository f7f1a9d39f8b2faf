"""The tokens of a prompt."""

from datetime import UTC, datetime

import pytest

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.models.chat_template import template_variables
from quotetune.prompts.chat import prompt_token_ids, text_token_ids
from quotetune.prompts.prompt import Prompt
from tiny_model import BEGIN, END, PADDING, tiny_tokenizer


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


def with_tokens_around_texts(before: str, after: str):
    """A tokenizer that puts tokens around every text, as `add_eos_token` does after it."""
    from tokenizers import processors

    tokenizer = tiny_tokenizer()
    special = [(name, tokenizer.convert_tokens_to_ids(name)) for name in (BEGIN, END, PADDING)]
    template = processors.TemplateProcessing(
        single=f"{before} $A {after}".strip(), special_tokens=special
    )
    tokenizer.backend_tokenizer.post_processor = template
    return tokenizer


@pytest.mark.parametrize("begin", [True, False])
def test_a_text_gets_no_end_because_it_is_to_be_continued(begin):
    tokenizer = with_tokens_around_texts(BEGIN if begin else "", END)
    assert tokenizer.decode(tokenizer("Hi")["input_ids"]).endswith("Hi<|end|>")
    first = "<|begin|>" if begin else ""
    assert tokens(tokenizer, text="Hi") == f"{first}Hi"
    assert tokens(tokenizer, text="") == first


TEXTS = ["", "Hi", "Hi<|end|>", "<|end|>", "<|end|><|end|>", "a<|end|>b", "Hi<|padding|>", "\n"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("after", ["", END, PADDING, f"{PADDING} {END}", f"{END} {END}"])
@pytest.mark.parametrize("before", ["", BEGIN, PADDING, f"{PADDING} {BEGIN}", END])
def test_what_the_tokenizer_puts_after_a_text_is_left_out_and_what_the_text_spells_stays(
    before, after, text
):
    tokenizer = with_tokens_around_texts(before, after)
    own = tokenizer(text, add_special_tokens=False)["input_ids"]
    added = tokenizer.convert_tokens_to_ids(before.split())
    assert text_token_ids(text, tokenizer) == [*added, *own]


@pytest.mark.parametrize("text", ["<|begin|>", "<|begin|>Hi", "<|begin|><|end|>"])
@pytest.mark.parametrize("after", ["", END, BEGIN])
def test_a_text_that_spells_out_the_begin_token_has_one_whatever_comes_after(after, text):
    tokenizer = with_tokens_around_texts(BEGIN, after)
    own = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert text_token_ids(text, tokenizer) == own
    assert prompt_token_ids(Prompt("p", text), tokenizer) == own


def test_a_model_that_begins_and_ends_with_the_same_token_keeps_the_first():
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = BEGIN
    assert tokens(tokenizer, text="") == BEGIN
    assert tokens(tokenizer, text="Hi") == f"{BEGIN}Hi"


def test_a_chat_template_gets_variables():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{{ strftime_now('%Y') }} {{ mood }} {{ messages[0].content }}"
    model = ModelConfig(path="m", chat_template_kwargs={"mood": "calm"})
    prompt = Prompt("p", messages=[{"role": "user", "content": "Hi"}])
    variables = template_variables(model, datetime(1999, 5, 1, tzinfo=UTC))
    assert tokenizer.decode(prompt_token_ids(prompt, tokenizer, variables)) == "1999 calm Hi"
