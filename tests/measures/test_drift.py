"""Drift of a policy: KL to the base model, and the perplexity of other text."""

import math

import pytest
import torch

from quotetune.config import ModelConfig
from quotetune.measures.drift import measure_drift
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import write_part
from tiny_model import save_tiny_adapter, save_tiny_model, tiny_tokenizer

OUTSIDE = "Other text, of another kind. " * 30


def log_probs(model, before, ids):
    with torch.no_grad():
        scores = model(input_ids=torch.tensor([before + ids])).logits[0].log_softmax(-1)
    return [scores[len(before) - 1 + i, token].item() for i, token in enumerate(ids)]


@pytest.mark.usefixtures("without_children")
def test_drift_is_what_a_plain_loop_over_tokens_gives(tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    path = save_tiny_model(tmp_path / "model", context=1024)
    adapter = save_tiny_adapter(path, tmp_path / "adapter")
    tokenizer = tiny_tokenizer()
    begin = [tokenizer.bos_token_id]

    def ids(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    prompts = [begin + ids("What?"), begin + ids("Who is it?")]
    answers = [[ids("That."), ids("This one")], [ids("Nobody")]]
    rows = [[Response("", answer, "stop") for answer in given] for given in answers]
    requests = [Request(prompt, 0) for prompt in prompts]
    (tmp_path / "samples").mkdir()
    write_part(tmp_path / "samples", 0, ["a", "b"], requests, rows)
    (tmp_path / "outside.txt").write_text(OUTSIDE)
    model = ModelConfig(path=str(path), dtype="float32")
    drift = measure_drift(
        tmp_path / "samples",
        base=(model, None),
        model=model,
        adapter=adapter,
        outside=tmp_path / "outside.txt",
        max_tokens=600,
        work=tmp_path / "work",
    )
    base = AutoModelForCausalLM.from_pretrained(path)
    policy = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(path), adapter)
    ratios = []
    for prompt, given in zip(prompts, answers, strict=True):
        for answer in given:
            pairs = zip(
                log_probs(policy, prompt, answer), log_probs(base, prompt, answer), strict=True
            )
            ratios += [of_policy - of_base for of_policy, of_base in pairs]
    assert drift["kl_to_base"] == pytest.approx(sum(ratios) / len(ratios), abs=1e-4)
    assert abs(drift["kl_to_base"]) > 0.01
    assert drift["response_tokens"] == len(ratios)
    tokens = ids(OUTSIDE)[:600]
    surprises = [
        -value
        for start in (0, 512)  # pieces of 512 tokens, each after the begin-of-sequence token
        for value in log_probs(policy, begin, tokens[start : min(start + 512, 600)])
    ]
    assert drift["outside_tokens"] == len(surprises) == 600
    expected = math.exp(sum(surprises) / 600)
    assert drift["perplexity_outside"] == pytest.approx(expected, rel=1e-3)


def test_the_base_model_has_no_drift(tmp_path):
    model = ModelConfig(path="owner/name")
    settings = {"base": (model, None), "model": model, "adapter": None, "outside": None}
    drift = measure_drift(None, **settings, max_tokens=1, work=tmp_path)
    assert (drift["kl_to_base"], drift["perplexity_outside"]) == (0.0, None)
