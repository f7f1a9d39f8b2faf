"""The estimate of a run that `train --dry-run` shows."""

from dataclasses import replace
from pathlib import Path

import pytest

import tiny_run
from quotetune.config import Config
from quotetune.models.size import model_size
from quotetune.pipeline.estimate import CORE_SAMPLING, estimate
from quotetune.pipeline.peaks import peaks
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.split import Split


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> dict:
    return tiny_run.write_inputs(tmp_path_factory.mktemp("inputs"))


def estimated(config: dict, **changes):
    merged = {
        name: {**config[name], **block} if isinstance(block, dict) else block
        for name, block in changes.items()
    }
    found = estimate(Config.model_validate({**config, **merged}))
    assert found is not None
    return found


def test_a_model_s_size_is_that_of_the_loaded_model(config):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(config["model"]["path"])
    size = model_size(Path(config["model"]["path"]))
    assert size is not None
    # Input and output embeddings are apart in this model.
    assert size.parameters == sum(weights.numel() for weights in model.parameters())
    assert size.bytes == 4 * size.parameters
    cache = model(torch.tensor([[1, 2, 3]]), use_cache=True).past_key_values
    numbers = sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers)
    assert size.cache_bytes_per_token == 2 * numbers / 3


def test_tokens_are_those_of_full_responses_and_all_pairs(config):
    found = estimated(config)
    # 6 training prompts, 4 samples of 24 tokens; 4 held-out ones, best of 4 and one after.
    assert (found.train_prompts, found.heldout_prompts) == (6, 4)
    assert found.sampled_tokens == 6 * 4 * 24
    assert found.evaluation_tokens == 4 * (4 + 1) * 24
    # "What is 17?" has 11 characters, 3 tokens of four.
    assert found.trained_tokens == 6 * 2 * (3 + 24)
    rounds = estimated(config, rounds=2)
    assert rounds.train_prompts == 12
    assert rounds.evaluation_tokens == 4 * (4 + 2) * 24
    assert estimated(config, evaluation={"baselines": ["according_to"]}).evaluation_tokens == (
        4 * (4 + 1 + 1) * 24
    )
    assert estimated(config, dpo={"max_length": 10}).trained_tokens == 6 * 2 * 10
    assert estimated(config, prompts={"prefix_tokens": 5, "format": "text"}).trained_tokens == (
        6 * 2 * (5 + 24)
    )


def test_more_work_takes_longer_and_a_larger_batch_more_memory(config):
    found = estimated(config)
    assert found.seconds and found.memory and found.disk
    size = model_size(Path(config["model"]["path"]))
    more = estimated(config, sampling={"n": 400_000})
    assert size is not None
    cores = int(found.device.split()[0])
    extra = 6 * (400_000 - 4) * 24 * 2 * size.parameters / (cores * CORE_SAMPLING)
    assert more.seconds - found.seconds == pytest.approx(extra)
    assert estimated(config, dpo={"per_device_train_batch_size": 4096}).memory > found.memory
    assert estimated(config, lora=None).disk > found.disk
    assert estimated(config, lora=None).seconds > found.seconds
    judged = estimated(config, evaluation={"reward_accuracy": True})
    assert judged.lines()[-1].endswith("; not counted: evaluation.reward_accuracy")


def test_without_the_model_only_tokens_are_known_and_without_prompts_nothing(config, tmp_path):
    found = estimated(config, model={"path": "some/name"})
    assert found.seconds is None
    assert found.lines()[-1] == (
        "time, memory, disk: not known, because some/name is not in the Hub's local cache, and the"
        " Hub has not answered"
    )
    changed = {**config, "prompts": {"path": tmp_path / "no.jsonl"}}
    assert estimate(Config.model_validate(changed)) is None


def test_memory_is_that_of_the_longest_prompt_to_train_on(config, monkeypatch):
    monkeypatch.setattr("quotetune.pipeline.estimate._gpus", lambda: 0)
    options = {"max_length": None, "per_device_train_batch_size": 64}
    content = {**config, "dpo": {**config["dpo"], **options}}

    def with_lengths(trained, heldout=(400,)):
        prompts = [
            [Prompt(f"{length}-{i}", text="x" * length) for i, length in enumerate(lengths)]
            for lengths in (trained, heldout)
        ]
        found = estimate(Config.model_validate(content), Split([prompts[0]], prompts[1]))
        assert found is not None
        return found

    alike, longest = with_lengths([400] * 10), with_lengths([2200] * 10)
    mixed = with_lengths([400] * 9 + [2200])
    # Batches of different lengths leave holes in the heap besides.
    assert mixed.memory > longest.memory > alike.memory
    assert mixed.trained_tokens < longest.trained_tokens / 2
    # No batch of a training is padded to a prompt that is held out.
    assert with_lengths([400] * 10, heldout=(2200,)).memory == alike.memory


def test_a_damaged_model_is_not_counted(config, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert model_size(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 16)
    assert model_size(tmp_path) is None


def test_full_training_needs_float32_and_a_copy_for_the_arithmetic_whatever_the_type(config):
    size = model_size(Path(config["model"]["path"]))
    assert size is not None

    def memory(dtype, lora):
        changes = {"model": {"dtype": dtype}, "dpo": {"per_device_train_batch_size": 1}}
        content = {**config, "lora": lora, "dpo": {**config["dpo"], **changes["dpo"]}}
        content["model"] = {**config["model"], **changes["model"]}
        return peaks(Config.model_validate(content), size, 4, 4, on_gpu=False)["round-1/train"]

    # A gradient and two moments; the reference model's log-probs are computed before the training.
    adapter = 2 * sum(map(sum, size.linear_layers.values()))
    kept = memory("float32", None) - memory("float32", {"r": 2})
    assert kept == pytest.approx(12 * size.parameters - 16 * adapter, rel=0.25)


def test_the_part_that_needs_the_most_memory_is_named_and_compared_with_the_machine(config):
    found = estimated(config, dpo={"per_device_train_batch_size": 8192, "max_length": None})
    assert f" of memory ({found.largest}), " in found.lines()[2]
    assert found.lines()[-1].startswith("assumed: ")
    small = replace(found, installed=1e9)
    note = small.lines()[-1]
    assert note.startswith("note: round-1/train needs more than the 1.0 GB that this machine has: ")
    assert "per_device_train_batch_size" in note
    sampled = estimated(config, sampling={"n": 64, "chunk_prompts": 512, "max_tokens": 10**7})
    assert sampled.largest == "sample"
    assert "lower sampling.chunk_prompts" in replace(sampled, installed=1e9).lines()[-1]


def test_absorbing_needs_memory_for_its_own_batches(config):
    absorb = {"documents": "all", "sft": {"per_device_train_batch_size": 2048, "max_length": 4096}}
    found = estimate(Config.model_validate({**config, "absorb": absorb}))
    assert found is not None and found.largest == "absorb"


@pytest.mark.parametrize(("gpus", "unit"), [(0, "GFLOP/s per core"), (2, "TFLOP/s per GPU")])
def test_the_assumptions_are_those_of_the_machine(config, monkeypatch, gpus, unit):
    monkeypatch.setattr("quotetune.pipeline.estimate._gpus", lambda: gpus)
    found = estimated(config)
    *_, roughly, assumed = found.lines()
    assert f"{unit} (sampling, training)" in assumed
    assert assumed.count("FLOP/s") == 1
    assert not gpus or roughly.startswith("roughly, on 2 GPUs: ")
