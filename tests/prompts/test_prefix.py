"""Texts that are cut into a prompt and its reference, beside tokens of the whole text."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from quotetune.config import ModelConfig, PromptsConfig
from quotetune.errors import QuotetuneWarning, UsageError
from quotetune.prompts.prefix import token_cut
from quotetune.prompts.reading import read_prompts
from tiny_model import save_tiny_model

WORDS = [
    "water",
    "ice",
    "\u00e9t\u00e9",
    "\u6c34",
    "Mississippi",
    "2001:",
    "a",
    "\n\n",
    "...",
    "\t",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model whose tokens are up to several words long, as in SentencePiece without a rule."""
    directory = tmp_path_factory.mktemp("prefix")
    tokenizer = Tokenizer(models.BPE(unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    order = random.Random(0)
    text = [" ".join(order.choices(WORDS, k=50)) for _ in range(200)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, special_tokens=["?"])
    tokenizer.train_from_iterator(text, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="?", eos_token="?")
    save_tiny_model(directory, tokenizer=fast)
    return ModelConfig(path=str(directory)), fast


def naive(text, tokenizer, prefix, reference):
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if len(spans) <= prefix:
        return None
    middle = spans[prefix - 1][1]
    return text[:middle], text[middle : spans[: prefix + reference][-1][1]]


@given(
    st.lists(st.sampled_from(WORDS), max_size=600),
    st.sampled_from([" ", "", "   "]),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_a_cut_is_that_of_the_whole_text(model, words, between, prefix, reference):
    text = between.join(words)
    cut = token_cut(model[0], prefix, reference)
    assert cut(text) == naive(text, model[1], prefix, reference)


def test_a_text_of_long_tokens_is_read_further(model):
    text = "Mississippi " * 400 + " " * 3000 + "ice"
    assert token_cut(model[0], 100, 300)(text) == naive(text, model[1], 100, 300)


def test_only_the_start_of_a_long_text_is_tokenized(model, monkeypatch):
    read = []
    call = PreTrainedTokenizerFast.__call__

    def counting(self, text, **options):
        read.append(len(text))
        return call(self, text, **options)

    monkeypatch.setattr(PreTrainedTokenizerFast, "__call__", counting)
    assert token_cut(model[0], 4, 4)("water ice " * 100_000) is not None
    assert 0 < sum(read) < 1000


def written(tmp_path, *texts):
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    return path


def test_texts_that_are_too_short_are_left_out_and_counted(model, tmp_path):
    path = written(tmp_path, "ice", "water ice " * 9, "a", "ice water " * 9)
    settings = PromptsConfig(path=path, format="text", prefix_tokens=4)
    notice = rf"2 texts of at most 4 tokens .* left out, the first at {path}:1"
    with pytest.warns(QuotetuneWarning, match=notice):
        found = read_prompts(path, settings, token_cut(model[0], 4, 4))
    prompts = [source.prompt for source in found]
    expected = [naive(text, model[1], 4, 4) for text in ("water ice " * 9, "ice water " * 9)]
    assert [(prompt.text, prompt.reference) for prompt in prompts] == expected


@pytest.mark.filterwarnings("ignore::quotetune.errors.QuotetuneWarning")
def test_a_file_of_short_texts_alone_is_an_error_that_says_what_to_do(model, tmp_path):
    path = written(tmp_path, "ice", "a")
    settings = PromptsConfig(path=path, format="text", prefix_tokens=40)
    with pytest.raises(UsageError, match=r"lower prompts\.prefix_tokens"):
        read_prompts(path, settings, token_cut(model[0], 40, 4))
