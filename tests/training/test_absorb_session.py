"""Continued pre-training: its loss, its resumption after a kill, an adapter or a whole model."""

import json

import pytest
import torch

from killed_training import assert_same_weights, run_killed_at
from quotetune.training.absorb.session import AbsorbSession
from quotetune.training.absorb.texts import AbsorbText, write_texts
from quotetune.training.checkpoints import newest_checkpoint
from tiny_model import save_tiny_model

TEXTS = [
    AbsorbText("A cat is an animal.", {"text": "What is a cat?", "messages": None}),
    AbsorbText("A dog barks at night."),
    AbsorbText("Snow."),
    AbsorbText("Rain falls on the plain, and the plain is in Spain."),
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("absorb")
    save_tiny_model(directory / "model")
    write_texts(directory / "texts.parquet", TEXTS)
    return directory


def make_job(inputs, *, lora=True, merge=False, **sft):
    # 4 texts, 2 per batch: 2 steps per epoch.
    options = {
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "num_train_epochs": 2,
        "learning_rate": 0.01,
        "save_steps": 1,
        **sft,
    }
    return {
        "method": "sft",
        "texts": str(inputs / "texts.parquet"),
        "model": {"path": str(inputs / "model")},
        "base": {"path": str(inputs / "model")},
        "adapter": None,
        "lora": {"r": 4} if lora else None,
        "merge": merge,
        "sft": options,
        "seed": 3,
    }


def run(job, work, report=lambda event: None):
    session = AbsorbSession(job, work, report)
    session.train(newest_checkpoint(work))
    session.save(work / "output", {"torch": torch.__version__})
    return session


def test_lengths_are_those_of_the_rows_that_are_left_and_in_their_order(inputs, tmp_path):
    trainer = AbsorbSession(make_job(inputs), tmp_path, lambda event: None).trainer
    whole = trainer.train_dataset
    some = whole.select([3, 0]).filter(lambda row: len(row["input_ids"]) > 1)
    for rows in (whole, some):
        assert trainer.lengths(rows) == [len(row["input_ids"]) for row in rows]
    assert len(some) == 2 < len(whole)


def load(path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path)


@pytest.mark.parametrize("lora", [True, False], ids=["adapter", "all weights"])
def test_the_first_loss_is_the_mean_surprise_of_the_tokens_of_the_texts_alone(
    inputs, tmp_path, lora
):
    # Some processors multiply bf16 numbers fast, and train in them by default.
    job = make_job(inputs, lora=lora, per_device_train_batch_size=4, max_steps=1, bf16=False)
    [entry] = run(job, tmp_path).record()["history"]
    model, tokenizer = load(inputs / "model")
    surprises = []
    for text in TEXTS:
        before = tokenizer(text.prompt["text"] if text.prompt else "")["input_ids"]
        learned = [*tokenizer(text.text, add_special_tokens=False)["input_ids"], 2]
        assert tokenizer.eos_token_id == 2
        with torch.no_grad():
            scores = model(input_ids=torch.tensor([before + learned])).logits[0].log_softmax(-1)
        first = len(before) - 1
        surprises += [-scores[first + i, token].item() for i, token in enumerate(learned)]
    assert entry["loss"] == pytest.approx(sum(surprises) / len(surprises), abs=1e-3)


def test_a_killed_absorption_ends_with_the_same_weights_and_learns(inputs, tmp_path):
    job = make_job(inputs, num_train_epochs=4)
    whole = run(job, tmp_path / "whole")
    run_killed_at(run, 2, job, tmp_path / "killed")
    run_killed_at(run, 5, job, tmp_path / "killed")
    resumed = run(job, tmp_path / "killed")
    assert_same_weights(*(tmp_path / name / "output" for name in ("whole", "killed")))
    histories = [session.record()["history"] for session in (whole, resumed)]
    assert histories[0] == histories[1]
    losses = [entry["loss"] for entry in histories[0]]
    assert len(losses) == 8
    assert sum(losses[-2:]) < sum(losses[:2])


def test_a_merged_adapter_gives_a_whole_model_of_the_same_answers(inputs, tmp_path):
    from peft import PeftModel

    job = make_job(inputs)
    session = run(job, tmp_path)
    session.job["merge"] = True
    session.save(tmp_path / "merged", {})
    base, tokenizer = load(inputs / "model")
    adapted = PeftModel.from_pretrained(base, tmp_path / "output")
    merged, _ = load(tmp_path / "merged")
    ids = torch.tensor([tokenizer("A dog")["input_ids"]])
    with torch.no_grad():
        expected, found = adapted(input_ids=ids).logits, merged(input_ids=ids).logits
        with adapted.disable_adapter():
            plain = adapted(input_ids=ids).logits
    assert torch.allclose(found, expected, atol=1e-4)
    assert not torch.allclose(found, plain, atol=1e-2)
    assert not (tmp_path / "merged" / "adapter_config.json").exists()
    card = (tmp_path / "merged" / "README.md").read_text()
    assert "PeftModel" not in card
    assert "trl.SFTConfig" in card
    record = json.loads((tmp_path / "output" / "training.json").read_text())
    assert record["texts"] == 4
