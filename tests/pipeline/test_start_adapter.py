"""A run that starts from an adapter of the user's own: `model.adapter`."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
import yaml
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import quotetune.training.run
import tiny_run
from killed_training import Killed, assert_same_weights
from quotetune.config import Config, ModelConfig, SamplingConfig
from quotetune.errors import QuotetuneError
from quotetune.pipeline.run import plan, stage_list
from quotetune.pipeline.run import run as run_pipeline
from quotetune.prompts.prompt import load_prompts
from quotetune.runs.finished import tuned_policy
from quotetune.sampling import run_sampling
from quotetune.sampling.parts import read_samples
from quotetune.sampling.transformers import TransformersSampler
from quotetune.stages import all_stages
from quotetune.training.dpo_session import DpoSession
from quotetune.training.session import TrainingSession
from tiny_model import save_tiny_adapter


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("inputs")
    config = tiny_run.write_inputs(
        directory,
        model={"adapter": str(directory / "start")},
        rounds=2,
        reference="base",
        drift={},
        evaluation={"reward_accuracy": True},
    )
    saved = save_tiny_adapter(directory / "model", directory / "start") / "adapter_config.json"
    elsewhere = {"base_model_name_or_path": "made/elsewhere"}
    saved.write_text(json.dumps(json.loads(saved.read_text()) | elsewhere))
    return config


@pytest.fixture(scope="module")
def finished(inputs, tmp_path_factory, without_children):
    """The config of a run that went through undisturbed."""
    config = {**inputs, "run": str(tmp_path_factory.mktemp("finished") / "run")}
    until(config, None)
    return config


@pytest.fixture(scope="module")
def merged(inputs, tmp_path_factory):
    """The model into which PEFT has merged the adapter."""
    model = AutoModelForCausalLM.from_pretrained(inputs["model"]["path"])
    directory = tmp_path_factory.mktemp("merged")
    whole = PeftModel.from_pretrained(model, inputs["model"]["adapter"]).merge_and_unload()
    whole.save_pretrained(directory)
    AutoTokenizer.from_pretrained(inputs["model"]["path"]).save_pretrained(directory)
    return directory


def start_of(config):
    return Path(config["model"]["adapter"])


def until(config, stage, **blocks):
    """Do a run up to a stage, as `train` does, and return its directory."""
    config = Config.model_validate({**config, **blocks})
    run_pipeline(config, stage)
    return config.run


def changed_adapter(config, directory):
    """Copy the adapter, with other weights."""
    shutil.copytree(config["model"]["adapter"], directory)
    [file] = directory.glob("*.safetensors")
    save_file({name: weights / 2 for name, weights in load_file(file).items()}, file)
    return directory


@pytest.mark.parametrize(
    ("samples", "prompts", "number"),
    [
        ("round-1/samples", "prompts/round-1.parquet", 1),
        ("evaluation/base/samples", "prompts/heldout.parquet", 0),
    ],
)
def test_round_1_and_the_base_policy_are_sampled_from_the_model_with_the_adapter(
    finished, merged, tmp_path, samples, prompts, number
):
    config = Config.model_validate(finished)
    drawn = {}
    for name, path in (("merged", merged), ("alone", config.model.path)):
        run_sampling(
            load_prompts(config.run / prompts),
            tmp_path / name,
            model=ModelConfig(path=str(path), dtype="float32"),
            sampling=config.sampling,
            seed=config.seed,
            round=number,
        )
        drawn[name] = read_samples(tmp_path / name)["token_ids"].to_pylist()
    found = read_samples(config.run / samples)["token_ids"].to_pylist()
    assert found == drawn["merged"] != drawn["alone"]


@pytest.mark.parametrize("number", [1, 2])
def test_the_reference_log_probs_are_those_of_the_model_with_the_adapter(
    finished, merged, tmp_path, number
):
    adapter = Config.model_validate(finished).run / f"round-{number}" / "adapter"
    job = json.loads((adapter / "training.json").read_text())["job"]
    session = DpoSession(job, tmp_path, lambda event: None)
    model = AutoModelForCausalLM.from_pretrained(merged)
    rows = pq.read_table(job["pairs"]).to_pylist()
    assert len(rows) == len(session.trainer.train_dataset) > 0
    for row, computed in zip(rows, session.trainer.train_dataset, strict=True):
        before, ids = row["prompt_token_ids"], row["chosen_token_ids"]
        with torch.no_grad():
            scores = model(torch.tensor([before + ids])).logits[0].log_softmax(-1)
        expected = sum(scores[len(before) - 1 + i, token].item() for i, token in enumerate(ids))
        assert computed["ref_chosen_logps"] == pytest.approx(expected, abs=1e-3)


def test_the_trained_adapters_continue_the_given_one(inputs, tmp_path, without_children):
    still = {**inputs["dpo"], "learning_rate": 0.0}
    run = until(inputs, "evaluation/round-1/drift", run=str(tmp_path / "run"), dpo=still)
    assert_same_weights(start_of(inputs), run / "round-1/adapter")
    drift = json.loads((run / "evaluation/round-1/drift/drift.json").read_text())
    assert drift["kl_to_base"] == pytest.approx(0, abs=1e-6)


def test_an_adapter_that_peft_would_load_without_its_weights_is_refused(inputs, tmp_path):
    other = shutil.copytree(inputs["model"]["adapter"], tmp_path / "other")
    [file] = other.glob("*.safetensors")
    weights = load_file(file)
    save_file({name.replace("layers", "blocks"): one for name, one in weights.items()}, file)
    job = {"model": inputs["model"], "seed": 0}
    model = AutoModelForCausalLM.from_pretrained(inputs["model"]["path"])
    with pytest.raises(
        QuotetuneError, match=f"{other}: its weights do not fit the model's modules"
    ):
        TrainingSession(job, lambda event: None).load_adapter(model, str(other))


def test_weights_that_fit_no_module_are_not_sampled(inputs, tmp_path):
    model = ModelConfig(path=inputs["model"]["path"])
    other = shutil.copytree(inputs["model"]["adapter"], tmp_path / "other")
    [file] = other.glob("*.safetensors")
    weights = load_file(file)
    for damaged in (
        {name.replace("layers", "blocks"): one for name, one in weights.items()},
        {name: one.repeat(2, 2) for name, one in weights.items()},
    ):
        save_file(damaged, file)
        with pytest.raises(QuotetuneError, match="its weights do not fit"):
            TransformersSampler(model, SamplingConfig(n=1), other)


@pytest.mark.parametrize("saved", [[], ["lm_head"]])
def test_whether_weights_of_the_model_are_trained_is_a_matter_of_the_adapter(
    inputs, tmp_path, saved
):
    adapter = shutil.copytree(inputs["model"]["adapter"], tmp_path / "adapter")
    settings = json.loads((adapter / "adapter_config.json").read_text())
    settings["modules_to_save"] = saved
    (adapter / "adapter_config.json").write_text(json.dumps(settings))
    model = {"path": inputs["model"]["path"], "dtype": "bfloat16"}
    job = {"model": model, "lora": {}, "adapter": str(adapter), "seed": 0}
    session = TrainingSession(job, lambda event: None)
    session.mixed = False
    # Without mixed arithmetic, trained weights and those of the model are of one type.
    dtype = torch.float32 if saved else torch.bfloat16
    assert session.load_model(ModelConfig(**model)).dtype == dtype


def test_absorbing_continues_the_given_adapter_too(inputs, tmp_path, without_children):
    absorb = tiny_run.EVERYTHING["absorb"]
    absorb = {**absorb, "sft": {**absorb["sft"], "learning_rate": 0.0}}
    run = until(inputs, "absorb/train", run=str(tmp_path / "run"), absorb=absorb)
    assert_same_weights(start_of(inputs), run / "absorbed/adapter")
    card = (run / "absorbed/adapter/README.md").read_text()
    assert f"{inputs['model']['path']} with the adapter {inputs['model']['adapter']} after" in card


def test_a_killed_run_ends_with_the_same_adapter(
    finished, inputs, tmp_path, monkeypatch, without_children
):
    config = {**inputs, "run": str(tmp_path / "run")}
    whole = quotetune.training.run.run_training

    def killed_at_step_2(*arguments, progress, **options):
        def report(now):
            progress(now)
            if now.done == 2:
                raise Killed

        whole(*arguments, progress=report, **options)

    with monkeypatch.context() as patch:
        patch.setattr(quotetune.training.run, "run_training", killed_at_step_2)
        with pytest.raises(Killed):
            until(config, "round-1/train")
    assert list((tmp_path / "run/round-1/training").glob("checkpoint-*"))
    run = until(config, "round-1/train")
    assert_same_weights(
        run / "round-1/adapter", Config.model_validate(finished).run / "round-1/adapter"
    )


def test_a_run_depends_on_the_content_of_the_adapter_and_not_on_its_place(finished, tmp_path):
    def planned(adapter):
        model = {**finished["model"], "adapter": str(adapter)}
        return plan(stage_list(Config.model_validate({**finished, "model": model})))

    copy = shutil.copytree(finished["model"]["adapter"], tmp_path / "copy")
    assert {entry.todo for entry in planned(copy)} == {False}
    other = planned(changed_adapter(finished, tmp_path / "other"))
    again = {entry.name for entry in other if entry.note == "again: model.adapter has changed"}
    assert {"round-1/sample", "evaluation/base/sample", "evaluation/base/drift"} <= again
    assert {entry.name for entry in other if entry.todo is False} == {"prompts"}


def test_a_run_without_an_adapter_has_the_fingerprints_from_before_this_key(inputs):
    model = {"path": inputs["model"]["path"], "dtype": "float32"}
    plain, null = (
        Config.model_validate({**inputs, "model": model | given})
        for given in ({}, {"adapter": None})
    )
    assert [stage.fingerprint() for stage in all_stages(plain)] == [
        stage.fingerprint() for stage in all_stages(null)
    ]
    stages = {stage.name: stage.fingerprint() for stage in all_stages(plain)}
    sampled = stages["round-1/sample"]
    of_model = {key for key in sampled["settings"] if key.startswith("model.")}
    assert of_model == {
        f"model.{key}" for key in ("path", "revision", "dtype", "trust_remote_code")
    }
    assert sampled["inputs"].keys() == {"its prompts", "model.path"}
    assert stages["round-1/train"]["inputs"].keys() == {"the pairs", "model.path"}
    assert stages["evaluation/base/drift"]["inputs"].keys() == {"model.path"}
    assert plain.model_dump(mode="json")["model"] == {
        **model,
        "revision": None,
        "trust_remote_code": False,
    }


def test_the_config_that_a_run_keeps_names_the_adapter(finished):
    run = Config.model_validate(finished).run
    assert yaml.safe_load((run / "config.yaml").read_text())["model"]["adapter"]
    base = tuned_policy(run, "base")
    assert (base.model.path, base.directory) == (finished["model"]["path"], start_of(finished))


def test_summary_and_report_name_the_adapter(finished):
    run, start = Config.model_validate(finished).run, finished["model"]["adapter"]
    assert (
        f"{finished['model']['path']} with the adapter {start}, "
        in (run / "summary.md").read_text()
    )
    assert f"adapter {start}" in (run / "report.html").read_text()


@pytest.mark.parametrize("number", [1, 2])
def test_the_trained_adapters_name_the_model_of_the_run(finished, number):
    adapter = Config.model_validate(finished).run / f"round-{number}/adapter"
    saved = json.loads((adapter / "adapter_config.json").read_text())
    assert saved["base_model_name_or_path"] == finished["model"]["path"]


def test_the_model_card_names_the_adapter_and_the_reference_model(finished):
    card = (Config.model_validate(finished).run / "round-2/adapter/README.md").read_text()
    start = finished["model"]["adapter"]
    assert f"with the adapter {start} after quote-tuning" in card
    assert f"| Adapter of the base model | {start} |" in card
    assert "| Reference policy | the base model with its adapter |" in card
    assert '"r": 4' in card
