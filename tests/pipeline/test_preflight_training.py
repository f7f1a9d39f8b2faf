"""Settings that the installed libraries refuse are refused before any work."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import tiny_run
from quotetune.config import Config
from quotetune.pipeline.preflight.adapters import adapter_problems
from quotetune.pipeline.preflight.training import TRACKERS, training_problems
from quotetune.runtime.accelerator import has_accelerator


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return tiny_run.write_inputs(tmp_path_factory.mktemp("inputs"))


def problems(content: dict[str, Any], **blocks: Any) -> list[str]:
    config = Config.model_validate({**content, **blocks})
    return [str(problem) for problem in adapter_problems(config) + training_problems(config)]


def test_the_trackers_are_those_of_transformers() -> None:
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    assert TRACKERS.keys() == INTEGRATION_TO_CALLBACK.keys()


def test_a_tracker_without_its_package_is_refused(content: dict[str, Any]) -> None:
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    for name, callback in INTEGRATION_TO_CALLBACK.items():
        found = problems(content, dpo={"report_to": [name]})
        if find_spec(TRACKERS[name][0]) is None:
            with pytest.raises((RuntimeError, ImportError, ValueError)):
                callback()
            assert len(found) == 1 and found[0].startswith(f"dpo.report_to: {name} needs ")
        else:
            assert not found
    assert not problems(content, dpo={"report_to": "none"})
    assert "is not one of" in problems(content, dpo={"report_to": "wandbb"})[0]


def test_optimizers_are_refused_exactly_if_they_cannot_be_made(
    content: dict[str, Any], tmp_path: Path
) -> None:
    import torch
    from transformers import Trainer, TrainingArguments
    from transformers.training_args import OptimizerNames

    model = torch.nn.Linear(2, 2)
    for name in OptimizerNames:
        arguments = TrainingArguments(tmp_path, optim=name, optim_target_modules=["x"])
        try:
            trainer = Trainer(model, arguments)
            trainer.create_optimizer()
        except (ImportError, RuntimeError, ValueError) as error:
            refused = isinstance(error, ImportError) or "install" in str(error).lower()
        else:
            refused = False
        found = problems(content, dpo={"optim": name.value})
        assert bool(found) == refused, (name, found)


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("beta", -1, "above 0"),
        ("per_device_train_batch_size", 0, "1 or more"),
        ("gradient_accumulation_steps", 0, "1 or more"),
        ("learning_rate", -1e-6, "above 0"),
        ("weight_decay", -1, "0 or more"),
        ("warmup_steps", -1, "0 or more"),
        ("num_train_epochs", 0, "above 0"),
        ("sync_ref_model", True, "full fine-tuning"),
        ("use_liger_kernel", True, "liger-kernel"),
        ("deepspeed", "nowhere.json", "does not exist"),
        ("fsdp_config", "nowhere.json", "does not exist"),
    ],
)
def test_a_value_that_no_training_takes_is_refused(
    content: dict[str, Any], key: str, value: Any, remedy: str
) -> None:
    [first, *_] = problems(content, dpo={key: value}, lora={"r": 4})
    assert first.startswith(f"dpo.{key}: ") and remedy in first
    if key != "sync_ref_model" and key != "beta":
        absorbing = {"absorb": {"sft": {key: value}, "documents": "all"}}
        assert problems(content, **absorbing)[0].startswith(f"absorb.sft.{key}: ")


def test_settings_that_contradict_each_other_are_refused(content: dict[str, Any]) -> None:
    from trl import DPOConfig

    def refused_by_trl(**options: Any) -> bool:
        try:
            DPOConfig(output_dir="unused", **options)
        except ValueError:
            return True
        return False

    for options in (
        {"fp16": True, "bf16": True},
        {"loss_type": ["sigmoid"], "loss_weights": [1, 2]},
    ):
        assert refused_by_trl(**options) and len(problems(content, dpo=options)) == 1
    assert len(problems(content, dpo={"loss_type": "exo_pair"})) == 1
    assert not problems(content, dpo={"loss_type": "exo_pair", "label_smoothing": 0.01})
    assert len(problems(content, dpo={"use_weighting": True, "loss_type": ["aot"]})) == 1
    both = {"sync_ref_model": True, "precompute_ref_log_probs": True}
    assert len(problems(content, dpo=both)) == 1
    assert bool(problems(content, dpo={"fp16": True})) != has_accelerator()


def test_there_is_an_accelerator_where_torch_finds_one() -> None:
    import torch

    # A container may show a device that torch cannot use, but not the other way round.
    assert has_accelerator() or not torch.accelerator.is_available()


TARGETS: list[Any] = [
    ["q_proj"],
    ["proj"],
    ["c_attn"],
    ["q_proj", "v_proj"],
    ["self_attn.q_proj"],
    ["layers.0.self_attn.q_proj"],
    r".*\.q_proj",
    r"q_proj",
    "all-linear",
]


@pytest.mark.parametrize("targets", TARGETS)
def test_targets_are_refused_exactly_if_peft_finds_none(
    content: dict[str, Any], targets: Any
) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(content["model"]["path"])
    try:
        get_peft_model(model, LoraConfig(target_modules=targets))
        refused = False
    except ValueError:
        refused = True
    found = problems(content, lora={"target_modules": targets})
    assert bool(found) == refused
    assert all("matches no module of the model: choose from " in line for line in found)


def test_each_target_must_match(content: dict[str, Any]) -> None:
    [line] = problems(content, lora={"target_modules": ["q_proj", "FAKE"]})
    assert line.startswith("lora.target_modules: FAKE matches no module")
    [line] = problems(content, lora={"target_modules": "("})
    assert "no regular expression" in line
    [line] = problems(content, absorb={"lora": {"target_modules": ["c_attn"]}})
    assert line.startswith("absorb.lora.target_modules: ")
    assert "lm_head" in problems(content, lora={"target_modules": ["lm_head"]})[0]


LORA: list[dict[str, Any]] = [
    {},
    {"use_rslora": True},
    {"use_dora": True},
    {"modules_to_save": ["lm_head"]},
    {"lora_bias": True},
    {"layer_replication": [[0, 1]]},
    {"init_lora_weights": "pissa"},
    {"init_lora_weights": "pissa_niter_16"},
    {"init_lora_weights": "olora"},
    {"init_lora_weights": "gaussian"},
    {"init_lora_weights": False},
]


@pytest.mark.parametrize("options", LORA, ids=str)
def test_an_adapter_is_refused_exactly_if_vllm_cannot_load_it(
    content: dict[str, Any], options: dict[str, Any]
) -> None:
    from vllm.config.lora import LoRAConfig
    from vllm.lora.peft_helper import PEFTHelper

    saved = {"r": 8, "lora_alpha": 8, "target_modules": ["q_proj"], **options}
    try:
        PEFTHelper.from_dict(saved).validate_legal(LoRAConfig(max_lora_rank=16))
        refused = False
    except ValueError:
        refused = True
    sampling = {**content["sampling"], "backend": "vllm"}
    found = problems(content, lora=options, sampling=sampling)
    assert bool(found) == refused
    assert all("cannot be sampled" in line or "does not see" in line for line in found)
    sampling["backend"] = "transformers"
    assert not problems(content, lora=options, sampling=sampling)


@pytest.mark.parametrize(("key", "value"), [("r", 0), ("r", -1), ("lora_dropout", 1.5)])
def test_numbers_of_an_adapter_are_in_range(
    content: dict[str, Any], key: str, value: float
) -> None:
    for blocks in ({"lora": {key: value}}, {"absorb": {"lora": {key: value}}}):
        [line] = problems(content, **blocks)
        assert f"lora.{key}: is {value}: set it to " in line


@pytest.mark.parametrize("key", ["tf32", "activation_offloading"])
def test_what_needs_a_gpu_is_refused_without_one(content: dict[str, Any], key: str) -> None:
    found = problems(content, dpo={key: True})
    assert [line.partition(":")[0] for line in found] == [] if has_accelerator() else [f"dpo.{key}"]
    assert not problems(content, dpo={key: False})


def test_fsdp_is_for_several_processes(content: dict[str, Any], tmp_path: Path) -> None:
    launch = tmp_path / "launch.yaml"
    [line] = problems(content, dpo={"fsdp": "full_shard"})
    assert line.startswith("dpo.fsdp: is for several processes, but launch is not set")
    assert not problems(content, dpo={"fsdp": "full_shard auto_wrap"}, launch=str(launch))
    [line] = problems(content, dpo={"fsdp": "half_shard"}, launch=str(launch))
    assert line.startswith("dpo.fsdp: 'half_shard' is not one of full_shard")
    older = {"fsdp": "hybrid_shard", "fsdp_config": {"version": 1}}
    assert not problems(content, dpo=older, launch=str(launch))
    assert problems(content, dpo={"fsdp": "hybrid_shard"}, launch=str(launch))
