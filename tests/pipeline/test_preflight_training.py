"""Settings that the installed libraries refuse are refused before any work."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from quotetune.config import Config
from quotetune.pipeline.preflight.adapters import adapter_problems
from quotetune.pipeline.preflight.training import TRACKERS, training_problems
from quotetune.runtime.accelerator import has_accelerator


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
            words = ("install", "failed to import")
            refused = isinstance(error, ImportError) or any(
                word in str(error).lower() for word in words
            )
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


@pytest.mark.parametrize("key", ["tf32", "activation_offloading"])
def test_what_needs_a_gpu_is_refused_without_one(content: dict[str, Any], key: str) -> None:
    found = problems(content, dpo={key: True})
    assert [line.partition(":")[0] for line in found] == (
        [] if has_accelerator() else [f"dpo.{key}"]
    )
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


def test_the_reference_is_not_computed_once_before_fsdp_has_the_model(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quotetune.training.defaults import default_dpo_options

    launch = tmp_path / "launch.yaml"
    launch.write_text("distributed_type: FSDP\n")
    once = {"precompute_ref_log_probs": True}
    [line] = problems(content, dpo=once, launch=str(launch))
    assert line.startswith("dpo.precompute_ref_log_probs: does not work with FSDP and lora")
    assert not problems(content, dpo=once, launch=str(launch), lora=None)
    launch.write_text("distributed_type: MULTI_GPU\n")
    assert not problems(content, dpo=once, launch=str(launch))
    [line] = problems(content, dpo={**once, "fsdp": "full_shard"}, launch=str(launch))
    assert line.startswith("dpo.precompute_ref_log_probs: ")

    def chosen(lora: bool, **options: Any) -> bool:
        value: bool = default_dpo_options(options, lora=lora)["precompute_ref_log_probs"]
        return value

    assert chosen(lora=True) and chosen(lora=False, fsdp="full_shard")
    assert not chosen(lora=True, fsdp="full_shard")
    # accelerate's launcher tells its processes by this variable.
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert not chosen(lora=True) and chosen(lora=False)
