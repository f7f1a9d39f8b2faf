"""Perplexity, BARTScore and log-probabilities: batches give what a plain loop gives."""

import json
import math

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BartConfig,
    BartForConditionalGeneration,
)

from quotetune.config import ModelConfig
from quotetune.errors import QuotetuneError, UsageError
from quotetune.measures import neural as neural_measures
from quotetune.measures import neural_worker
from quotetune.measures.model_criteria import answerability
from quotetune.measures.neural import (
    bart_scores,
    log_likelihoods,
    log_prob_job,
    perplexities,
    run_jobs,
)
from quotetune.measures.token_batches import batches
from quotetune.prompts.prompt import Prompt
from tiny_model import save_tiny_adapter, save_tiny_model, tiny_tokenizer

TEXTS = ["A glacier is dense ice.", "", "x", "the " * 30, "!", "Rivers run."]
CONTEXTS = ["What is a glacier? ", "nothing", "", "a " * 120, "Say ", ""]


@pytest.fixture
def here(monkeypatch):
    """Do the child's work in this process, because starting a child takes longer than the work."""

    def run(module, job, log, report, *, name):
        neural_worker.measure(json.loads(job.read_text()), job.parent, report)

    monkeypatch.setattr(neural_measures, "run_child", run)


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("causal") / "model", context=256)


@pytest.fixture(scope="module")
def bart(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bart") / "model"
    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        init_std=0.3,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=None,
    )
    BartForConditionalGeneration(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def close_to(values):
    return [None if value is None else pytest.approx(value, rel=1e-4) for value in values]


def naive_log_probs(model, before, scored):
    """One forward pass per token, each on all tokens before it."""
    ids, values = list(before), []
    for token in scored:
        if ids:
            logits = model(torch.tensor([ids])).logits[0, -1].double()
            values.append(logits.log_softmax(-1)[token].item())
        ids.append(token)
    return values


@torch.inference_mode()
def test_perplexity_is_exp_of_the_mean_surprise_of_the_texts_tokens(causal, tmp_path, here):
    tokenizer, model = tiny_tokenizer(), AutoModelForCausalLM.from_pretrained(causal)
    expected = []
    for text, context in zip(TEXTS, CONTEXTS, strict=True):
        scored = tokenizer(text, add_special_tokens=False)["input_ids"]
        before = tokenizer(context)["input_ids"]  # with the begin-of-sequence token
        values = naive_log_probs(model, before[-(256 - len(scored)) :], scored)
        expected.append(math.exp(-sum(values) / len(values)) if values else None)
    found = perplexities(
        TEXTS, ModelConfig(path=str(causal)), contexts=CONTEXTS, work=tmp_path / "work"
    )
    assert found[1] is None
    assert found == close_to(expected)
    assert len({round(value, 3) for value in found if value}) == 5


@torch.inference_mode()
def test_a_log_likelihood_is_the_mean_over_the_tokens_of_the_marked_parts(causal, tmp_path, here):
    tokenizer, model = tiny_tokenizer(), AutoModelForCausalLM.from_pretrained(causal)
    spans = [[(0, 1), (2, 9)], [], [(0, 1)], [(4, 7), (8, 11)], [], [(7, 11)]]
    expected = []
    for text, context, parts in zip(TEXTS, CONTEXTS, spans, strict=True):
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        scored = encoded["input_ids"]
        before = tokenizer(context)["input_ids"]  # with the begin-of-sequence token
        values = naive_log_probs(model, before[-(256 - len(scored)) :], scored)
        inside = {place for first, last in parts for place in range(first, last)}
        chosen = [
            value
            for value, (first, last) in zip(values, encoded["offset_mapping"], strict=True)
            if inside & set(range(first, last))
        ]
        expected.append(sum(chosen) / len(chosen) if chosen else None)
    base, work = ModelConfig(path=str(causal)), tmp_path / "work"
    found = log_likelihoods(TEXTS, base, contexts=CONTEXTS, spans=spans, work=work)
    assert found == close_to(expected)
    assert [value is None for value in found] == [False, True, False, False, True, False]
    # Over whole texts it is minus the logarithm of the perplexity.
    whole = [[(0, len(text))] for text in TEXTS]
    found = log_likelihoods(TEXTS, base, contexts=CONTEXTS, spans=whole, work=work)
    surprises = perplexities(TEXTS, base, contexts=CONTEXTS, work=work)
    assert found == close_to([None if ppl is None else -math.log(ppl) for ppl in surprises])


@torch.inference_mode()
def test_answerability_is_the_likelihood_of_the_missing_words_after_the_response(
    causal, tmp_path, here
):
    tokenizer, model = tiny_tokenizer(), AutoModelForCausalLM.from_pretrained(causal)
    prompt = Prompt("p", text="Answer: is the river dense ice?", question="is the river dense ice?")
    responses = ["Dense, but no ice.", "It flows.", "The river is dense ice.", ""]
    every = ["is", "river", "dense", "ice?"]
    missing = [["is", "river"], every, [], every]
    expected = []
    for response, words in zip(responses, missing, strict=True):
        before = tokenizer(f"{response}\n\n")["input_ids"]
        encoded = tokenizer(prompt.question, add_special_tokens=False, return_offsets_mapping=True)
        values = naive_log_probs(model, before, encoded["input_ids"])
        places = set()
        for word in words:
            first = prompt.question.index(word)
            places |= set(range(first, first + len(word)))
        offsets = encoded["offset_mapping"]
        chosen = [v for v, span in zip(values, offsets, strict=True) if places & set(range(*span))]
        expected.append(sum(chosen) / len(chosen) if chosen else None)
    base = ModelConfig(path=str(causal))
    found = answerability([*responses, "x"], [prompt] * 4 + [None], base, tmp_path / "work")
    assert found == [*close_to(expected), None]
    assert len({round(value, 3) for value in found if value is not None}) == 3
    assert not (tmp_path / "work").exists()


@torch.inference_mode()
def test_bart_score_is_the_mean_log_probability_of_the_reference_given_the_response(
    bart, tmp_path, here
):
    references = ["Ice that moves.", "y", "", "the river " * 20, "?", "They run."]
    tokenizer, model = tiny_tokenizer(), AutoModelForSeq2SeqLM.from_pretrained(bart)
    expected = []
    for response, reference in zip(TEXTS, references, strict=True):
        source, target = (tokenizer(text)["input_ids"][:64] for text in (response, reference))
        decoded, values = [model.config.decoder_start_token_id], []
        for token in target:
            logits = model(
                input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([decoded])
            ).logits[0, -1]
            values.append(logits.double().log_softmax(-1)[token].item())
            decoded.append(token)
        expected.append(sum(values) / len(values) if reference else None)
    found = bart_scores(TEXTS, references, ModelConfig(path=str(bart)), work=tmp_path / "work")
    assert found == close_to(expected)


@torch.inference_mode()
def test_policies_are_the_base_model_an_adapter_and_a_whole_model(causal, tmp_path, here):
    from peft import PeftModel

    adapter = save_tiny_adapter(causal, tmp_path / "adapter")
    other = save_tiny_model(tmp_path / "other")
    prompts = [[1, 7, 9], [1], [1, 50, 51, 52]]
    responses = [[4, 5, 6, 2], [60] * 20, [70]]
    load = AutoModelForCausalLM.from_pretrained
    models = [load(causal), PeftModel.from_pretrained(load(causal), adapter), load(other)]
    expected = [
        [sum(naive_log_probs(model, *pair)) for pair in zip(prompts, responses, strict=True)]
        for model in models
    ]
    base, alone = ModelConfig(path=str(causal)), ModelConfig(path=str(other))
    policies = [(base, None), (base, adapter), (base, None), (base, other), (alone, None)]
    job = log_prob_job(prompts, responses, policies)
    [found] = run_jobs([job], tmp_path / "work")
    assert found[4] == found[3]
    assert found[2] == found[0]
    for values, wanted in zip([found[0], found[1], found[3]], expected, strict=True):
        assert values == close_to(wanted)
    assert abs(found[1][1] - found[0][1]) > 0.1


def test_jobs_share_a_child_which_reports_its_own_failure(causal, tmp_path):
    model = ModelConfig(path=str(causal))
    jobs = [
        neural_measures.perplexity_job([], model),
        neural_measures.perplexity_job(["a river", ""], model),
        neural_measures.bart_score_job(["a"], ["b"], model),
    ]
    with pytest.raises(QuotetuneError, match="measuring failed with ValueError: Unrecognized"):
        neural_measures.run_jobs(jobs, tmp_path / "work")
    assert "ValueError" in (tmp_path / "work" / "measuring.log").read_text()
    with pytest.raises(UsageError, match="there is no such directory"):
        perplexities(["a"], ModelConfig(path="./nowhere"), work=tmp_path)


def test_batches_contain_every_row_once_and_no_more_tokens_than_fit():
    lengths = [(7 * i) % 700 + 1 for i in range(300)] + [5000, 0]
    groups = batches(lengths)
    assert sorted(row for group in groups for row in group) == list(range(301))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[row] for row in group) <= 2048
    longest = [max(lengths[row] for row in group) for group in groups]
    assert longest == sorted(longest, reverse=True)
