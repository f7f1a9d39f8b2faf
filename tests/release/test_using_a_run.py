"""The commands after training: `quotetune generate` and `quotetune export`."""

import hashlib
import json
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import yaml

import tiny_run
from finished_run import training_record
from killed_training import assert_same_weights
from quotetune import Index, UsageError, build_index
from quotetune.config import PromptsConfig, SamplingConfig
from quotetune.release.answering import answer, prompt_of_text
from quotetune.runs.finished import policies, tuned_policy
from quotetune.training.model_card import model_card
from tiny_model import BEGIN, save_tiny_adapter, tiny_tokenizer


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The directory of a finished run, made without training."""
    directory = tmp_path_factory.mktemp("tuned")
    config = tiny_run.write_inputs(directory, prompts={"template": "What is {prompt}?"})
    run = Path(config["run"])
    adapter = save_tiny_adapter(directory / "model", run / "round-1" / "adapter")
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    record = training_record({"path": str(directory / "model"), "dtype": "float32"})
    (adapter / "training.json").write_text(json.dumps(record))
    (adapter / "README.md").write_text(model_card(record, {"after": {"quip": 0.5}}))
    return run


def test_the_policy_is_the_best_round_if_there_is_one_else_the_last(run, tmp_path):
    copy = tmp_path / "run"
    for name in ("round-2", "round-10", "absorbed"):
        (copy / name / "adapter").mkdir(parents=True)
        (copy / name / "adapter" / "adapter_config.json").write_text("{}")
    (copy / "round-11" / "adapter").mkdir(parents=True)  # not complete
    (copy / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    assert list(policies(copy)) == ["absorbed", "round-2", "round-10"]
    assert tuned_policy(copy).name == "round-10"
    assert tuned_policy(copy).config.run == copy
    (copy / "best").symlink_to("round-2/adapter")
    assert tuned_policy(copy).directory == copy / "best"
    assert tuned_policy(copy, "base").directory is None
    with pytest.raises(UsageError, match=r"round-3: .* has no such policy: use one of base, "):
        tuned_policy(copy, "round-3")


def test_an_adapter_is_put_on_the_model_that_it_was_trained_on(run, tmp_path):
    copy = tmp_path / "run"
    (copy / "round-1" / "adapter").mkdir(parents=True)
    (copy / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    (copy / "round-1" / "adapter" / "adapter_config.json").write_text("{}")
    below = {"job": {"model": {"path": "absorbed/model"}}}
    (copy / "round-1" / "adapter" / "training.json").write_text(json.dumps(below))
    assert tuned_policy(copy).model.path == "absorbed/model"


def test_a_directory_that_is_not_a_trained_run_is_refused(run, quotetune, tmp_path):
    code, _, error = quotetune("generate", tmp_path, "x")
    assert code == 2 and "has no config.yaml, so it is not the directory of a run" in error
    (tmp_path / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    code, _, error = quotetune("generate", tmp_path, "x")
    assert code == 2 and "no round has been trained yet" in error
    assert quotetune("generate", run, " ")[2].startswith("error: the prompt is empty")
    assert "reads sampling only" in quotetune("generate", run, "x", "--set", "dpo.beta=1")[2]
    twice = ("--guide", "4", "--set", "sampling.guide.strength=8")
    assert "give one of the two" in quotetune("generate", run, "x", *twice)[2]
    code, _, error = quotetune("export", run, "-o", tmp_path / "base", "--policy", "base")
    assert code == 2 and "the base model is not exported" in error


def test_files_of_a_run_that_are_damaged_are_named(run, quotetune, tmp_path):
    copy = tmp_path / "run"
    (copy / "round-1" / "adapter").mkdir(parents=True)
    (copy / "config.yaml").write_text("run: r\nindex: i\n")
    code, _, error = quotetune("export", copy, "-o", tmp_path / "out")
    assert code == 2
    assert f"{copy / 'config.yaml'}: not the config of a run: model: is required" in error
    (copy / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    (copy / "round-1" / "adapter" / "adapter_config.json").write_text("{}")
    record = copy / "round-1" / "adapter" / "training.json"
    for damaged in ("{", "{}", '{"job": {"model": {"pth": "m"}}}'):
        record.write_text(damaged)
        with pytest.raises(UsageError, match=f"{record}: does not say which model was trained"):
            tuned_policy(copy)


def test_generate_says_on_standard_error_what_it_does(run, quotetune):
    code, shown, error = quotetune("generate", run, "7", "--set", "sampling.max_tokens=1")
    assert code == 0
    assert error.splitlines() == [
        f"loading {run.parent / 'model'} (round-1) with transformers",
        "answering in at most 1 token",
        f"looking for quotes in {tuned_policy(run).config.index}",
    ]
    assert not any(line in shown for line in error.splitlines())


@pytest.mark.parametrize(
    ("has_gpu", "asked", "used"),
    [
        (False, "auto", "transformers"),
        (True, "auto", "auto"),
        (False, "vllm", "vllm"),
        (True, "transformers", "transformers"),
    ],
)
def test_one_answer_is_sampled_by_transformers_without_a_gpu_unless_a_backend_is_asked_for(
    run, monkeypatch, has_gpu, asked, used
):
    class SampledError(Exception):
        pass

    def sample(*_, sampling, **__):
        raise SampledError(sampling.backend)

    monkeypatch.setattr("quotetune.release.answering.has_accelerator", lambda: has_gpu)
    monkeypatch.setattr("quotetune.sampling.run_sampling", sample)
    policy = tuned_policy(run)
    sampling = SamplingConfig(backend=asked, n=1)
    with pytest.raises(SampledError, match=used):
        answer(policy, "7", Index.open(policy.config.index), sampling, seed=0)


def test_a_grounded_run_s_prompt_carries_the_passage_that_is_found(tmp_path):
    documents = ["Rust is a language for systems.", "Bees make honey.", "Ada was a countess."]
    index = build_index(documents, tmp_path / "index")
    settings = PromptsConfig(path=tmp_path, context={"source": "documents"}, format="text")
    assert prompt_of_text("What do bees make?", settings, index).text == (
        "Bees make honey.\n\nWhat do bees make?"
    )


def test_an_exported_adapter_is_the_run_s_without_its_record(run, quotetune, tmp_path):
    code, shown, _ = quotetune("export", run, "-o", tmp_path / "out")
    assert code == 0 and f"round-1 of {run}" in shown
    adapter = run / "round-1" / "adapter"
    names = {path.name for path in adapter.iterdir()} - {"training.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (adapter / name).read_bytes()
    code, _, error = quotetune("export", run, "-o", tmp_path / "out")
    assert code == 2 and "exists already" in error


def test_a_merged_model_gives_the_logits_of_base_and_adapter(run, quotetune, tmp_path):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    output = tmp_path / "merged"
    code, _, error = quotetune("export", run, "-o", output, "--merge")
    assert code == 0, error
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]
    base = AutoModelForCausalLM.from_pretrained(run.parent / "model")
    ids = AutoTokenizer.from_pretrained(output)("What is it? This.", return_tensors="pt")
    with torch.inference_mode():
        untouched = base(**ids).logits
        merged = AutoModelForCausalLM.from_pretrained(output)(**ids).logits
        adapted = PeftModel.from_pretrained(base, run / "round-1" / "adapter")(**ids).logits
    torch.testing.assert_close(merged, adapted, atol=1e-4, rtol=1e-4)
    assert (merged - untouched).abs().max() > 0.1
    card = (output / "README.md").read_text()
    assert "library_name: transformers" in card and "PeftModel" not in card
    assert "merged into the weights" in card and "| QUIP | 50.0% |" in card


def test_an_upload_that_fails_says_how_to_continue(run, quotetune, tmp_path):
    arguments = ["export", run, "-o", tmp_path / "out", "--push-to-hub"]
    assert "not the name of a repository" in quotetune(*arguments, "a/b/c")[2]
    code, _, error = quotetune(*arguments, "me/model")
    assert code == 1
    assert f"run `hf upload me/model {tmp_path / 'out'} --repo-type model`" in error


@pytest.mark.usefixtures("without_children")
def test_generate_answers_with_the_policy_s_own_words_and_cites_them(run, quotetune):
    code, shown, _ = quotetune("generate", run, "7", "--format", "jsonl", "--min-chars", 3, "--all")
    assert code == 0
    answer = json.loads(shown)
    assert (answer["policy"], answer["prompt"]) == ("round-1", "7")
    # The sampler itself, in this process, on the prompt's tokens.
    from quotetune.sampling.backend import Request, prompt_seed
    from quotetune.sampling.transformers import TransformersSampler

    policy = tuned_policy(run)
    sampler = TransformersSampler(
        policy.model, policy.config.evaluation_sampling, run / "round-1" / "adapter"
    )
    name = hashlib.blake2b(b"7", digest_size=8).hexdigest()
    tokens = tiny_tokenizer()(f"{BEGIN}[user] What is 7?\n[assistant] ", add_special_tokens=False)
    request = Request(tokens["input_ids"], prompt_seed(0, 0, name))
    [[expected]] = sampler.sample([request], lambda tokens: None)
    assert answer["response"] == expected.text
    quotes = Index.open(policy.config.index).trace(answer["response"], min_chars=3)
    spans = sorted(tuple(span) for note in answer["citations"] for span in note["spans"])
    assert spans == [(quote.start, quote.end) for quote in quotes]


@pytest.mark.usefixtures("without_children")
def test_a_prompt_from_standard_input_is_the_line_without_its_end(run, quotetune):
    arguments = ("generate", run, "--format", "jsonl", "--set", "sampling.max_tokens=2")
    code, shown, error = quotetune(*arguments, stdin="Ada Lovelace\n")
    assert code == 0, error
    assert json.loads(shown)["prompt"] == "Ada Lovelace"
    code, _, error = quotetune(*arguments, stdin=b"\xff\n")
    assert (code, error) == (1, "error: <stdin>: not UTF-8: convert it to UTF-8\n")


@pytest.mark.usefixtures("without_children")
def test_the_base_policy_of_a_run_that_starts_from_an_adapter_has_that_adapter(
    run, quotetune, tmp_path
):
    copy = shutil.copytree(run, tmp_path / "run")
    content = yaml.safe_load((run / "config.yaml").read_text())
    content["model"]["adapter"] = str(run / "round-1" / "adapter")
    (copy / "config.yaml").write_text(yaml.safe_dump(content))
    answers = {
        (of, policy): quotetune("generate", of, "7", "--policy", policy, "--format", "text")[1]
        for of, policy in ((copy, "base"), (run, "round-1"), (run, "base"))
    }
    assert answers[copy, "base"] == answers[run, "round-1"] != answers[run, "base"]
    for of, policy in ((copy, "base"), (run, "round-1")):
        arguments = ("export", of, "--policy", policy, "--merge", "-o", tmp_path / policy)
        assert quotetune(*arguments)[0] == 0
    assert_same_weights(tmp_path / "base", tmp_path / "round-1")


def test_a_bare_model_that_is_nowhere_is_refused_before_anything_is_asked_for_again(
    run, quotetune, monkeypatch
):
    asked = []
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *names, **_: asked.append(names))
    index = yaml.safe_load((run / "config.yaml").read_text())["index"]
    code, _, error = quotetune("generate", "--model", "no/model", "--index", index, "x")
    assert code == 2 and "no/model: no such directory, not in the Hub's local cache" in error
    assert asked == []
