"""lm-eval runs tasks on a policy, and keeps the answers of an interrupted call."""

import json
import math
import sqlite3

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM

from quotetune.config import ModelConfig
from quotetune.config.measures import LmEvalConfig
from quotetune.measures import lm_eval as general_ability
from tiny_model import save_tiny_adapter, tiny_tokenizer

pytestmark = pytest.mark.usefixtures("without_children")


TASK = {
    "task": "tiny_choice",
    "dataset_path": "json",
    "output_type": "multiple_choice",
    "test_split": "test",
    "doc_to_text": "{{question}}",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "label",
    "metric_list": [{"metric": "acc"}],
}


@torch.inference_mode()
def test_lm_eval_runs_the_users_own_task_on_a_policy(model, tmp_path):
    rows = [
        {"question": "ice is", "choices": [" cold", " hot", " q"], "label": 0},
        {"question": "fire is", "choices": [" a", " hot"], "label": 1},
        {"question": "a fox", "choices": [" runs", " ru"], "label": 1},
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    task = TASK | {"dataset_kwargs": {"data_files": {"test": str(data)}}}
    (tasks / "tiny.yaml").write_text(yaml.safe_dump(task))
    adapter = save_tiny_adapter(model, tmp_path / "adapter")
    settings = LmEvalConfig(tasks=["tiny_choice"], include_path=tasks, batch_size=2)
    config = ModelConfig(path=str(model))
    answers = tmp_path / "answers"
    found = general_ability.run_lm_eval(config, adapter, settings, tmp_path / "work", answers)
    [kept] = answers.iterdir()  # for a call after an interruption
    with sqlite3.connect(kept) as database:
        assert database.execute("select count(*) from unnamed").fetchone() == (7,)

    from peft import PeftModel

    base = AutoModelForCausalLM.from_pretrained(model)
    policy, tokenizer = PeftModel.from_pretrained(base, adapter), tiny_tokenizer()
    right = 0
    for row in rows:
        before = tokenizer(row["question"])["input_ids"]
        scores = []
        for choice in row["choices"]:
            ids = before + tokenizer(choice, add_special_tokens=False)["input_ids"]
            logs = policy(torch.tensor([ids])).logits[0].log_softmax(-1)
            scores.append(sum(logs[i - 1, ids[i]].item() for i in range(len(before), len(ids))))
        right += scores.index(max(scores)) == row["label"]
    assert set(found["tiny_choice"]) == {"acc", "acc_stderr"}
    assert found["tiny_choice"]["acc"] == pytest.approx(right / 3)
    assert not math.isnan(found["tiny_choice"]["acc_stderr"])
