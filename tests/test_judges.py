"""What models measure of responses: judges, MAUVE, reward accuracy, lm-eval's tasks."""

import json
import math
import sqlite3

import pytest
import torch
import yaml
from tiny_model import save_tiny_adapter, save_tiny_model, tiny_tokenizer
from training_data import random_rows
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from quotetune import general_ability, lm_eval_worker, neural_measures, neural_worker
from quotetune.config import Config
from quotetune.config_measures import LmEvalConfig, MauveConfig
from quotetune.measures.baselines import GROUNDING, according_to
from quotetune.measures.judges import Judges, judge, prompt_words
from quotetune.measures.reward_accuracy import reward_margins
from quotetune.prompts import Prompt
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import write_part
from quotetune.sampling.settings import ModelConfig


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Do a child's work in this process: starting a child takes longer than all of it."""

    def run(module, job, log, report, *, name):
        work = {
            "quotetune.neural_worker": neural_worker.measure,
            "quotetune.lm_eval_worker": lm_eval_worker.evaluate,
        }[module]
        work(json.loads(job.read_text()), job.parent, report)

    monkeypatch.setattr(neural_measures, "run_child", run)
    monkeypatch.setattr(general_ability, "run_child", run)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("judges") / "model")


CHAT = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"}]
PROMPTS = [
    Prompt("a", text="The ice ", reference="is dense."),
    Prompt("b", messages=CHAT, reference=None),
]


def test_a_judge_reads_the_words_of_the_prompt_and_only_the_rows_that_it_can_judge(model, tmp_path):
    rows = [[{"prompt_id": "a", "response": "is cold."}, {"prompt_id": "b", "response": "So."}]]
    table = list(zip(PROMPTS, rows[0], strict=True))
    config = ModelConfig(path=str(model))
    assert judge([table], Judges(perplexity=config), tmp_path / "work") == [None]
    contexts = ["The ice ", "Be short.\n\nWhy?\n\n"]
    assert [prompt_words(prompt) for prompt in PROMPTS] == contexts
    expected = neural_measures.perplexities(
        ["is cold.", "So."], config, contexts=contexts, work=tmp_path
    )
    assert [row["perplexity"] for row in rows[0]] == expected
    assert [row["bart_score"] for row in rows[0]] == [None, None]
    judge([table], Judges(), tmp_path / "work")
    assert [row["perplexity"] for row in rows[0]] == [None, None]


def test_mauve_is_the_packages_on_the_states_of_the_last_tokens(tmp_path):
    from mauve import compute_mauve as compute

    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=16, n_layer=1, n_head=2,
        bos_token_id=1, eos_token_id=2, initializer_range=0.3,
    )  # fmt: skip
    directory = tmp_path / "gpt2"  # the package wants to see this name
    GPT2LMHeadModel(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    texts = [f"{number} rivers run to the sea" for number in range(30)]
    references = ["a glacier is ice" * (number % 3 + 1) for number in range(30)]
    prompts = [Prompt(str(n), text="x", reference=text) for n, text in enumerate(references)]
    rows = [{"prompt_id": str(n), "response": text} for n, text in enumerate(texts)]
    judges = Judges(mauve=MauveConfig(featurizer=str(directory), max_tokens=20))
    tables = [list(zip(prompts, rows, strict=True)), [(PROMPTS[1], {"response": "No reference."})]]
    found = judge(tables, judges, tmp_path / "work")
    expected = compute(
        p_text=texts, q_text=references, featurize_model_name=str(directory), max_text_length=20
    )
    assert found == [pytest.approx(expected.mauve, rel=1e-4), None]
    assert 0 < found[0] < 1


@torch.inference_mode()
def test_reward_margins_are_betas_share_of_the_log_ratios_that_differ(model, tmp_path):
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
    from quotetune.prompts import write_prompts
    from quotetune.stage import complete
    from quotetune.stages import ranking, tuned
    from quotetune.stages.layout import Layout

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


def test_according_to_adds_the_request_to_the_system_message():
    asked = according_to([PROMPTS[1], Prompt("c", messages=CHAT[1:])])
    assert asked[0].messages == [
        {"role": "system", "content": f"Be short. {GROUNDING}"},
        CHAT[1],
    ]
    assert asked[1].messages == [{"role": "system", "content": GROUNDING}, CHAT[1]]
    assert PROMPTS[1].messages == CHAT


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
def test_lm_eval_runs_a_task_of_ones_own_on_a_policy(model, tmp_path):
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
    [kept] = answers.iterdir()  # for a call that goes on
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


def run_config(tmp_path, **evaluation):
    return Config.model_validate(
        {
            "run": tmp_path / "run",
            "index": "i",
            "model": {"path": "m"},
            "prompts": {"path": "p"},
            "evaluation": evaluation,
        }
    )


def test_stages_are_there_for_what_is_wanted_only(tmp_path):
    from quotetune.stages import all_stages

    plain = [stage.name for stage in all_stages(run_config(tmp_path))]
    wanted = {
        stage.name: stage
        for stage in all_stages(
            run_config(
                tmp_path,
                baselines=["according_to"],
                best_of_n=4,
                reward_accuracy=True,
                lm_eval={"tasks": ["truthfulqa_mc1"]},
            )
        )
    }
    assert [name for name in wanted if name not in plain] == [
        "evaluation/base/score",
        "evaluation/base/pair",
        "evaluation/round-1/reward_accuracy",
        "evaluation/according_to/prompts",
        "evaluation/according_to/sample",
        "evaluation/according_to/metrics",
        "evaluation/base/lm_eval",
        "evaluation/round-1/lm_eval",
    ]
    run = tmp_path / "run"
    asked = run / "evaluation" / "according_to" / "prompts" / "prompts.parquet"
    assert wanted["evaluation/according_to/sample"].inputs["its prompts"] == asked
    assert wanted["evaluation/according_to/metrics"].inputs["the held-out prompts"] == asked
    accuracy = wanted["evaluation/round-1/reward_accuracy"]
    assert accuracy.inputs["the held-out pairs"] == run / "evaluation" / "base" / "pairs"
    assert accuracy.inputs["the adapter"] == run / "round-1" / "adapter"


def test_another_judge_touches_the_metrics_and_nothing_else(tmp_path):
    from quotetune.stages import all_stages

    plain = {stage.name: stage.settings for stage in all_stages(run_config(tmp_path))}
    judged = all_stages(run_config(tmp_path, perplexity={"path": "judge"}))
    changed = [stage.name for stage in judged if stage.settings != plain[stage.name]]
    assert changed == ["evaluation/base/metrics", "evaluation/round-1/metrics"]


def test_the_metrics_stage_writes_the_numbers_of_each_response_of_each_row(model, tmp_path):
    import pyarrow.parquet as pq

    from quotetune import build_index
    from quotetune.prompts import write_prompts
    from quotetune.stages import evaluation
    from quotetune.stages.layout import Layout

    corpus = "The cat sat on the mat, and slept."
    build_index([corpus], tmp_path / "index", n=5)
    run = tmp_path / "run"
    (run / "prompts").mkdir(parents=True)
    prompts = [Prompt("a", text="Who sat?", reference=corpus[:12]), Prompt("b", text="Why?")]
    write_prompts(run / "prompts" / "heldout.parquet", prompts)
    samples = run / "evaluation" / "base" / "samples"
    samples.mkdir(parents=True)
    texts = [["No cat sat", "The cat sat on the mat"], ["It slept.", "Nobody knows"]]
    drawn = [[Response(text, [7, 8], "length") for text in of_prompt] for of_prompt in texts]
    write_part(samples, 0, ["a", "b"], [Request([1], 0), Request([1], 1)], drawn)
    config = run_config(tmp_path, best_of_n=2, perplexity={"path": str(model)})
    config = config.model_copy(update={"index": tmp_path / "index"})
    result = tmp_path / "result"
    stage = evaluation.metrics(Layout(config), "base", run / "prompts" / "heldout.parquet")
    stage.make(result)

    content = json.loads((result / "metrics.json").read_text())
    rows = {
        name: pq.read_table(result / f"{name}.parquet").to_pylist()
        for name in ("responses", "best_of_n", "reference")
    }
    shown = {name: [row["response"] for row in rows[name]] for name in rows}
    assert shown == {
        "responses": [texts[0][0], texts[1][0]],
        "best_of_n": [texts[0][1], texts[1][0]],
        "reference": [corpus[:12]],
    }
    for name, metrics in (
        ("responses", content["metrics"]),
        ("best_of_n", content["best_of_n"]),
        ("reference", content["reference"]),
    ):
        for metric in ("quip", "perplexity", "quip_ignore_prompt", "coverage"):
            mean = sum(row[metric] for row in rows[name]) / len(rows[name])
            assert metrics[metric] == pytest.approx(mean)
        counts = content["quote_lengths"][name]["counts"]
        assert sum(counts) == sum(len(row["quote_lengths"]) for row in rows[name])
    assert content["reference"]["cut"] is None


def test_benchmarks_are_of_the_last_policy_also_where_a_run_stops_early(tmp_path):
    from quotetune.stages.layout import Layout
    from quotetune.stages.tuned import lm_eval_before_and_after

    config = run_config(tmp_path, lm_eval={"tasks": ["x"]})
    config = config.model_copy(update={"rounds": 3, "early_stop": True})
    layout = Layout(config)
    stages = {stage.name: stage for stage in lm_eval_before_and_after(layout)}

    def skipped():
        return {name: stage.skip and stage.skip.reason() for name, stage in stages.items()}

    assert not any(skipped().values())  # nobody knows yet
    for policy, quip in (("base", 0.1), ("round-1", 0.3), ("round-2", 0.2)):
        directory = layout.evaluation(policy) / "metrics"
        directory.mkdir(parents=True)
        (directory / "metrics.json").write_text(json.dumps({"metrics": {"quip": quip}}))
    assert skipped() == {
        "evaluation/base/lm_eval": None,
        "evaluation/round-1/lm_eval": "round-2 is the last policy",
        "evaluation/round-2/lm_eval": None,
        "evaluation/round-3/lm_eval": "round-2 is the last policy",
    }
