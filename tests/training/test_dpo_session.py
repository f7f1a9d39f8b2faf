"""DPO: the policy, its reference model, and the output, also after a kill."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from killed_training import assert_same_weights, run_killed_at
from quotetune.training.checkpoints import newest_checkpoint
from quotetune.training.dpo_session import DpoSession
from tiny_model import save_tiny_adapter, save_tiny_model
from training_data import random_rows, write_pairs

ROWS = random_rows(10)


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    directory = tmp_path_factory.mktemp("policies")
    model = save_tiny_model(directory / "model")
    return {
        "pairs": str(write_pairs(directory / "pairs.parquet", ROWS)),
        "model": model,
        "adapter": save_tiny_adapter(model, directory / "adapter"),
        "origin": save_halved(directory / "adapter", directory / "origin"),
    }


def save_halved(adapter, directory):
    """Save an adapter whose effect is half of another's."""
    shutil.copytree(adapter, directory)
    [file] = directory.glob("*.safetensors")
    halved = {k: v / 2 if "lora_B" in k else v for k, v in load_file(file).items()}
    save_file(halved, file)
    return directory


def make_job(
    policies, *, lora=True, adapter=False, reference="previous", origin=None, model=None, **dpo
):
    # 10 pairs, 2 per batch, 2 batches per step: 3 steps per epoch, of which the last is short.
    dpo = {
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 2,
        "num_train_epochs": 2,
        "learning_rate": 0.01,
        "save_steps": 1,
        **dpo,
    }
    return {
        "pairs": policies["pairs"],
        "model": {"path": str(model or policies["model"])},
        "base": {"path": str(policies["model"])},
        "adapter": str(policies["adapter"]) if adapter else None,
        "reference": reference,
        "origin": origin and str(origin),
        "lora": {"r": 4} if lora else None,
        "dpo": dpo,
        "seed": 3,
    }


def run(job, work, report=lambda event: None):
    session = DpoSession(job, work, report)
    session.train(newest_checkpoint(work))
    session.save(work / "output", {"torch": torch.__version__})
    return work / "output"


def log_prob(model, prompt, completion):
    with torch.no_grad():
        scores = model(input_ids=torch.tensor([prompt + completion])).logits[0].log_softmax(-1)
    positions = range(len(prompt) - 1, len(prompt) + len(completion) - 1)
    return sum(scores[p, t].item() for p, t in zip(positions, completion, strict=True))


def load(policies, *, adapter=None):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(policies["model"])
    return PeftModel.from_pretrained(model, policies[adapter]) if adapter else model


@pytest.mark.parametrize("adapter", [False, True], ids=["new adapter", "old adapter"])
def test_a_killed_training_ends_with_the_same_weights_and_history(policies, tmp_path, adapter):
    job = make_job(policies, adapter=adapter)
    whole = run(job, tmp_path / "whole")
    run_killed_at(run, 2, job, tmp_path / "killed")  # In the first epoch,
    run_killed_at(run, 5, job, tmp_path / "killed")  # in the second,
    resumed = run(job, tmp_path / "killed")  # and on to the end.
    assert_same_weights(whole, resumed)
    records = [json.loads((out / "training.json").read_text()) for out in (whole, resumed)]
    assert records[0]["history"] == records[1]["history"]
    assert [entry["step"] for entry in records[1]["history"]] == [1, 2, 3, 4, 5, 6]


def test_a_killed_full_training_ends_with_the_same_weights(policies, tmp_path):
    job = make_job(policies, lora=False, learning_rate=1e-3)
    whole = run(job, tmp_path / "whole")
    run_killed_at(run, 4, job, tmp_path / "killed")
    assert_same_weights(whole, run(job, tmp_path / "killed"))


@pytest.mark.parametrize("reference", ["previous", "base", "origin"])
@pytest.mark.parametrize("precompute", [True, False], ids=["taken before", "taken at each step"])
def test_an_adapter_is_trained_further_against_the_chosen_reference_model(
    policies, tmp_path, reference, precompute
):
    job = make_job(
        policies,
        adapter=True,
        reference="previous" if reference == "previous" else "base",
        origin=policies["origin"] if reference == "origin" else None,
        precompute_ref_log_probs=precompute,
        max_steps=1,
        bf16=False,  # the default of processors that multiply bf16 numbers fast
    )
    session = DpoSession(job, tmp_path, lambda event: None)
    session.train(None)
    [entry] = session.record()["history"]
    policy = load(policies, adapter="adapter")
    held_to = load(policies, adapter={"previous": "adapter", "origin": "origin"}.get(reference))
    session.trainer.order.set_epoch(0)
    first_step = [ROWS[i] for i in list(session.trainer.order)[:4]]
    rewards = [
        0.1
        * (
            log_prob(policy, row["prompt_token_ids"], row["chosen_token_ids"])
            - log_prob(held_to, row["prompt_token_ids"], row["chosen_token_ids"])
        )
        for row in first_step
    ]
    assert entry["reward_chosen"] == pytest.approx(sum(rewards) / 4, abs=1e-4)
    if reference != "previous":
        assert abs(entry["reward_chosen"]) > 1e-3


def test_the_adapter_loads_in_peft_with_tokenizer_and_template(policies, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    output = run(make_job(policies, max_steps=2), tmp_path)
    files = {path.name for path in output.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "README.md"} <= files
    assert {"tokenizer.json", "chat_template.jinja", "training.json"} <= files
    assert not any(name.endswith((".bin", ".pt", ".pth", ".pkl")) for name in files)
    base = AutoModelForCausalLM.from_pretrained(policies["model"])
    adapted = PeftModel.from_pretrained(base, output)
    assert adapted.peft_config["default"].r == 4
    row = ROWS[0]
    assert log_prob(adapted, row["prompt_token_ids"], row["chosen_token_ids"]) != pytest.approx(
        log_prob(load(policies), row["prompt_token_ids"], row["chosen_token_ids"]), abs=1e-3
    )
    text = "any text"
    assert (
        AutoTokenizer.from_pretrained(output)(text)["input_ids"]
        == AutoTokenizer.from_pretrained(policies["model"])(text)["input_ids"]
    )


def test_a_round_on_a_fully_trained_model_is_held_to_that_model_or_to_the_base(policies, tmp_path):
    from transformers import AutoModelForCausalLM

    first = run(make_job(policies, lora=False, max_steps=2, learning_rate=1e-3), tmp_path / "1")
    assert AutoModelForCausalLM.from_pretrained(first).config.model_type == "llama"
    rewards = {}
    for reference in ("previous", "base"):
        job = make_job(policies, lora=False, model=first, reference=reference, max_steps=1)
        output = run(job, tmp_path / reference)
        [entry] = json.loads((output / "training.json").read_text())["history"]
        rewards[reference] = entry["reward_chosen"]
    assert rewards["previous"] == pytest.approx(0, abs=1e-4)
    assert abs(rewards["base"]) > 1e-3


def test_training_prefers_the_chosen_side(policies, tmp_path):
    job = make_job(policies, num_train_epochs=6)
    history = json.loads((run(job, tmp_path) / "training.json").read_text())["history"]
    assert history[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert history[-1]["loss"] < 0.5
    assert history[-1]["accuracy"] > 0.9


def test_the_model_card_names_the_base_model_its_options_and_the_numbers(policies, tmp_path):
    from quotetune.training.model_card import write_model_card

    output = run(make_job(policies, max_steps=1, beta=0.07), tmp_path)
    card = (output / "README.md").read_text()
    assert f'base_model: "{policies["model"]}"' in card
    assert '"beta": 0.07' in card
    assert "PeftModel.from_pretrained" in card
    assert "Held-out" not in card
    write_model_card(output, {"before": {"quip": 0.05}, "after": {"quip": 0.123, "rouge_l": None}})
    card = (output / "README.md").read_text()
    assert "|  | before | after |" in card
    assert "| QUIP | 5.0% | 12.3% |" in card
