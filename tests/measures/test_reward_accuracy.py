"""Reward accuracy: its held-out pairs, and their margins."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from measured_run import run_config
from quotetune.config import Config, ModelConfig
from quotetune.measures.reward_accuracy import reward_margins
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import write_part
from tiny_model import save_tiny_adapter, tiny_tokenizer
from training_data import random_rows

pytestmark = pytest.mark.usefixtures("without_children")


@torch.inference_mode()
def test_reward_margins_are_beta_times_the_difference_of_log_ratios(model, tmp_path):
    from peft import PeftModel

    adapter = save_tiny_adapter(model, tmp_path / "adapter")
    pairs = random_rows(4, seed=3)
    load = AutoModelForCausalLM.from_pretrained
    base, tuned = load(model), PeftModel.from_pretrained(load(model), adapter)

    def log_prob(policy, pair, side):
        ids = torch.tensor([pair["prompt_token_ids"] + pair[side]])
        logs = policy(ids).logits.log_softmax(-1)[0]
        start = len(pair["prompt_token_ids"])
        return sum(logs[i - 1, ids[0, i]].item() for i in range(start, ids.shape[1]))

    expected = []
    for pair in pairs:
        chosen, rejected = (
            log_prob(tuned, pair, side) - log_prob(base, pair, side)
            for side in ("chosen_token_ids", "rejected_token_ids")
        )
        expected.append(0.2 * (chosen - rejected))
    config = ModelConfig(path=str(model))
    found = reward_margins(pairs, (config, adapter), (config, None), 0.2, tmp_path / "work")
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert reward_margins(pairs, (config, None), (config, None), 0.2, tmp_path) == [0.0] * 4


def test_reward_accuracy_is_of_held_out_pairs_that_the_runs_rule_makes(model, tmp_path):
    from quotetune import build_index
    from quotetune.prompts.prompt import write_prompts
    from quotetune.runs.layout import Layout
    from quotetune.runs.stage import complete
    from quotetune.stages import ranking, tuned

    build_index(["The cat sat on the mat, and slept."], tmp_path / "index", n=5)
    run = tmp_path / "run"
    (run / "prompts").mkdir(parents=True)
    write_prompts(run / "prompts" / "heldout.parquet", [Prompt("a", text="A"), Prompt("b")])
    samples = run / "evaluation" / "base" / "samples"
    samples.mkdir(parents=True)
    quoting, other = "The cat sat on the mat", "No cat ever sat on one"
    drawn = [
        [Response(text, tiny_tokenizer()(text)["input_ids"][1:], "length") for text in texts]
        for texts in ((quoting, other), (other, other))
    ]
    requests = [Request([1, 40 + number], number) for number in range(2)]
    write_part(samples, 0, ["a", "b"], requests, drawn)
    (run / "round-1").mkdir()
    save_tiny_adapter(model, run / "round-1" / "adapter")

    def measure(delta_quip):
        content = run_config(tmp_path, reward_accuracy=True, best_of_n=2).model_dump()
        content |= {"index": tmp_path / "index", "pairs": {"delta_quip": delta_quip}}
        layout = Layout(Config.model_validate(content | {"model": {"path": str(model)}}))
        for stage in (*ranking.heldout_stages(layout), tuned.reward_accuracy(layout, 1)):
            complete(stage)
        path = run / "evaluation" / "round-1" / "reward_accuracy" / "reward_accuracy.json"
        return json.loads(path.read_text())

    found = measure(0.1)
    assert found["pairs"] == 1
    assert found["accuracy"] == float(found["margin"] > 0)
    assert found["margin"] != 0
    assert measure(1.0) == {"pairs": 0, "accuracy": None, "margin": None}
