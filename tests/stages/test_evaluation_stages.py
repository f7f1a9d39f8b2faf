"""The stages of the evaluation: the list, the inputs, and the files of each."""

import json

import pytest

from measured_run import CHAT, PROMPTS, run_config
from quotetune.prompts.according_to import GROUNDING, according_to
from quotetune.prompts.prompt import Prompt
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import write_part

pytestmark = pytest.mark.usefixtures("without_children")


def test_only_the_stages_that_the_config_asks_for_exist(tmp_path):
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


def test_another_scoring_model_touches_the_metrics_and_nothing_else(tmp_path):
    from quotetune.stages import all_stages

    plain = {stage.name: stage.settings for stage in all_stages(run_config(tmp_path))}
    scored = all_stages(run_config(tmp_path, perplexity={"path": "other"}))
    changed = [stage.name for stage in scored if stage.settings != plain[stage.name]]
    assert changed == ["evaluation/base/metrics", "evaluation/round-1/metrics"]


def test_the_metrics_stage_writes_the_numbers_of_each_response_of_each_row(model, tmp_path):
    import pyarrow.parquet as pq

    from quotetune import build_index
    from quotetune.prompts.prompt import write_prompts
    from quotetune.runs.layout import Layout
    from quotetune.stages import evaluation

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


def test_according_to_adds_the_request_to_the_system_message():
    asked = according_to([PROMPTS[1], Prompt("c", messages=CHAT[1:])])
    assert asked[0].messages == [
        {"role": "system", "content": f"Be short. {GROUNDING}"},
        CHAT[1],
    ]
    assert asked[1].messages == [{"role": "system", "content": GROUNDING}, CHAT[1]]
    assert PROMPTS[1].messages == CHAT
