"""Baselines that copy from the passages of a prompt."""

import math

import pytest

from quotetune.config import ModelConfig
from quotetune.evaluation.from_passages import (
    answering_sentences,
    best_sentences,
    likeliest_sentences,
    passage_starts,
)
from quotetune.prompts.prompt import Prompt

pytestmark = pytest.mark.usefixtures("without_children")

ICE = "The ice is cold. It floats on water because it is less dense. Penguins live on it."
SEA = "The sea is deep. Whales sing there. The water of the sea is salty."
PROMPTS = [
    Prompt("a", text="?", question="Why does ice float on water?", passages=[ICE]),
    Prompt("b", text="?", question="Is the sea salty?", passages=["Nothing here.", SEA]),
    Prompt("c", text="?", question="Zymurgy?", passages=[SEA]),
]

SENTENCES = [
    [
        "The ice is cold.",
        "It floats on water because it is less dense.",
        "Penguins live on it.",
    ],
    [
        "Nothing here.",
        "The sea is deep.",
        "Whales sing there.",
        "The water of the sea is salty.",
    ],
    ["The sea is deep.", "Whales sing there.", "The water of the sea is salty."],
]


def lucene(query, everything):
    """BM25 of a text with k1 = 1.5 and b = 0.75, by definition (Kamphuis et al. 2020, table 1)."""

    def words(text):
        split = "".join(c if c.isalnum() else " " for c in text.lower()).split()
        return [word for word in split if len(word) > 1 and word not in STOP]

    mean = sum(len(words(text)) for text in everything) / len(everything)

    def score(text):
        total = 0.0
        for word in words(query):
            holding = sum(word in words(other) for other in everything)
            if not holding:
                continue
            idf = math.log(1 + (len(everything) - holding + 0.5) / (holding + 0.5))
            times = words(text).count(word)
            total += idf * times / (times + 1.5 * (0.25 + 0.75 * len(words(text)) / mean))
        return total

    return score


# What bm25s leaves out of English texts by default.
STOP = {"a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is"}
STOP |= {"it", "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there"}
STOP |= {"these", "they", "this", "to", "was", "will", "with"}


def test_the_best_sentence_is_that_of_bm25_over_the_sentences_of_all_prompts():
    own = SENTENCES
    everything = [sentence for sentences in own for sentence in sentences]
    expected = [
        max(sentences, key=lucene(prompt.question, everything))  # the first of equals
        for prompt, sentences in zip(PROMPTS, own, strict=True)
    ]
    assert best_sentences(PROMPTS) == expected
    assert expected[1] == "The water of the sea is salty."
    assert expected[2] == "The sea is deep."  # no word of the question is anywhere


def test_the_start_of_the_passages_has_the_length_that_is_asked_for():
    assert passage_starts(PROMPTS, 10) == [ICE[:10], "Nothing he", SEA[:10]]
    assert passage_starts(PROMPTS, 20)[1] == "Nothing here.\n\nThe s"
    assert passage_starts(PROMPTS, 1000)[0] == ICE


def mean_log_probability(model, before, text):
    """The mean log-probability of a text's tokens after other tokens."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(model)(text, add_special_tokens=False)["input_ids"]
    loaded = AutoModelForCausalLM.from_pretrained(model)
    with torch.no_grad():
        logits = loaded(torch.tensor([before + ids])).logits[0].log_softmax(-1)
    own = range(len(before), len(before) + len(ids))
    return sum(logits[i - 1, (before + ids)[i]].item() for i in own) / len(ids)


def test_the_likeliest_sentence_is_that_of_the_models_own_probabilities(model, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    prompts = PROMPTS[:2]
    tokens = [tokenizer(prompt.question)["input_ids"] for prompt in prompts]
    expected = [
        max(own, key=lambda sentence, before=before: mean_log_probability(model, before, sentence))
        for before, own in zip(tokens, SENTENCES[:2], strict=True)
    ]
    found = likeliest_sentences(
        prompts, tokens, model=ModelConfig(path=str(model)), adapter=None, work=tmp_path
    )
    assert found == expected


def test_the_answering_sentence_has_the_best_sum_of_bm25_and_the_question_s_probability(
    model, tmp_path
):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    # BM25 finds nothing for the last ones, so that the model alone decides.
    unknown = ["Xylem?", "Is it a jukebox, and why?", "Who played the vibraphone in Ruritania?"]
    prompts = [*PROMPTS, *(Prompt(q, text="?", question=q, passages=[SEA]) for q in unknown)]
    own = [*SENTENCES, *[SENTENCES[2]] * len(unknown)]
    everything = [sentence for sentences in own for sentence in sentences]

    def score(prompt, sentence):
        before = tokenizer(f"{sentence}\n\n", add_special_tokens=False)["input_ids"]
        before = [tokenizer.bos_token_id, *before]
        likely = mean_log_probability(model, before, prompt.question)
        return lucene(prompt.question, everything)(sentence) + likely

    expected = [
        max(sentences, key=lambda sentence, prompt=prompt: score(prompt, sentence))
        for prompt, sentences in zip(prompts, own, strict=True)
    ]
    found = answering_sentences(prompts, model=ModelConfig(path=str(model)), work=tmp_path)
    assert found == expected
    assert found != best_sentences(prompts)
