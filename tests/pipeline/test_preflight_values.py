"""The tables of values, compared with trainings of a tiny model by the installed libraries."""

import dataclasses
import inspect
import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from quotetune.config import Config, ModelConfig
from quotetune.config.library_fields import declared
from quotetune.config.open_blocks import dpo_problems, sft_problems
from quotetune.pipeline.preflight import values
from quotetune.pipeline.preflight.training import FSDP, FSDP_1, training_problems
from training_data import random_rows, write_pairs

NAN, INFINITE = float("nan"), float("inf")
WORKERS = {"dataloader_num_workers": 1}
MIN_LR = {"lr_scheduler_type": "cosine_with_min_lr"}
STABLE = {"lr_scheduler_type": "warmup_stable_decay"}
REENTRANT = {"gradient_checkpointing": True}
ROBUST = {"loss_type": "robust"}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.parquet", random_rows(4))


def problems(content: dict[str, Any], **blocks: Any) -> list[str]:
    config = Config.model_validate({**content, **blocks})
    found = dpo_problems(config.dpo)
    if config.absorb is not None:
        found += sft_problems(config.absorb.sft)
    return list(map(str, found + training_problems(config)))


def learns(model: str, pairs: Path, options: dict[str, Any], lora: Any, work: Path) -> bool:
    """Train a few steps as a run does, and tell whether that ends well and changes the weights."""
    from quotetune.training.dpo_session import DpoSession

    policy = ModelConfig(path=model).model_dump()
    own = {
        "bf16": False,
        "gradient_accumulation_steps": 1,
        "learning_rate": 1e-3,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 2,
        "save_strategy": "no",
    }
    job = {
        "model": policy,
        "base": policy,
        "adapter": None,
        "origin": None,
        "reference": "previous",
        "lora": lora,
        "dpo": own | options,
        "pairs": str(pairs),
        "seed": 0,
    }
    try:
        # accelerate says in the environment what it uses, such as FSDP.
        with patch.dict(os.environ):
            session = DpoSession(job, work, lambda event: None)
            before = [one.detach().clone() for one in session.trainer.model.parameters()]
            session.train(None)
    except Exception:
        return False
    after = session.trainer.model.parameters()
    return any(bool((old != new).any()) for old, new in zip(before, after, strict=True))


# Values that a training does not survive, or after which it has learned nothing, and their
# neighbours. `tf32` and what else depends on the machine is in another test.
TRAINED: list[dict[str, Any]] = [
    {},
    {"beta": 0},
    {"beta": 0, "loss_type": "ipo"},
    {"beta": 0, "loss_type": "hinge"},
    {"beta": 0, "loss_type": "sft"},
    {"beta": 0, "loss_type": ["sft", "sigmoid"]},
    {"beta": 0, "loss_type": ["sft", "sigmoid"], "loss_weights": [0, 1]},
    {"beta": 0, "loss_type": ["sft", "ipo"]},
    {"beta": 0, "loss_type": ["sft", "sppo_hard"]},
    {"beta": 0, "loss_type": ["sigmoid", "hinge"]},
    {"beta": NAN},
    {"learning_rate": 0},
    {"learning_rate": NAN},
    {"max_grad_norm": INFINITE},
    {"max_grad_norm": -1},
    {"optim": "adamw_torch_xla"},
    {"optim": "adamw_torch_npu_fused"},
    {"weight_decay": INFINITE},
    {"warmup_steps": NAN},
    {"warmup_steps": 0.5},
    {"max_steps": 0},
    {"max_steps": -1},
    {"logging_steps": 0},
    {"logging_steps": 1.5},
    {"logging_steps": 0.5},
    {"logging_steps": 0, "logging_strategy": "no"},
    {"save_steps": 1.5, "save_strategy": "steps"},
    {"save_strategy": "best"},
    {"adam_beta1": 1},
    {"adam_beta1": 0},
    {"adam_beta2": 2},
    {"adam_epsilon": -1},
    {"adam_epsilon": 0},
    {"neftune_noise_alpha": -1},
    {"neftune_noise_alpha": 1},
    {"torch_empty_cache_steps": 0},
    {"pad_to_multiple_of": 0},
    {"pad_to_multiple_of": "many"},
    {"pad_to_multiple_of": "4"},
    {"precompute_ref_batch_size": -1},
    {"optim_args": "momentum"},
    {"optim_args": "a=1, b=2"},
    {"debug": "underflow"},
    {"debug": "underflow_overflow"},
    {"torch_compile_mode": "fast"},
    {"torch_compile_backend": "nothing"},
    pytest.param({"torch_compile_backend": "EAGER"}, marks=pytest.mark.slow),
    {"dataloader_num_workers": -1},
    {"dataloader_prefetch_factor": 2},
    {"dataloader_persistent_workers": True},
    {"dataloader_multiprocessing_context": "fork"},
    {"dataloader_multiprocessing_context": "fork", **WORKERS},
    {"dataloader_prefetch_factor": 0, **WORKERS},
    {"eval_on_start": True},
    {"ddp_backend": "gloo"},
    {"fsdp": "full_shard"},
    {"fsdp": ""},
    {"parallelism_config": {"tp_size": 2}},
    {"router_aux_loss_coef": 0.1},
    {"router_aux_loss_coef": 0},
    {"pad_token": "<foo>"},
    {"pad_token": "!"},
    {"use_cpu": False, "bf16": True},
    {"bf16_full_eval": True, "fp16_full_eval": True},
    {"loss_type": []},
    {"loss_weights": [0]},
    {"loss_weights": [2.0]},
    {"f_divergence_type": "backward_kl"},
    {"f_divergence_type": "forward_kl"},
    {"f_divergence_type": "forward_kl", "loss_type": "nca_pair"},
    {"label_smoothing": 0.5, **ROBUST},
    {"label_smoothing": 0.4, **ROBUST},
    {"discopop_tau": 0, "loss_type": "discopop"},
    {"lr_scheduler_type": "greedy"},
    {"lr_scheduler_kwargs": {"foo": 1}},
    {"lr_scheduler_kwargs": "foo"},
    {"lr_scheduler_kwargs": "{}"},
    {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"num_cycles": 1}},
    {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": 1}},
    MIN_LR,
    {**MIN_LR, "lr_scheduler_kwargs": {"min_lr": 1e-5}},
    {**MIN_LR, "lr_scheduler_kwargs": {"min_lr": 1e-5, "min_lr_rate": 0.1}},
    STABLE,
    {**STABLE, "lr_scheduler_kwargs": {"num_decay_steps": 1}},
    {**STABLE, "lr_scheduler_kwargs": {"num_decay_steps": 1, "decay_type": "foo"}},
    {**REENTRANT, "gradient_checkpointing_kwargs": {"foo": 1}},
    {**REENTRANT, "gradient_checkpointing_kwargs": {"selective": True}},
    {**REENTRANT, "gradient_checkpointing_kwargs": {"debug": True}},
    {**REENTRANT, "gradient_checkpointing_kwargs": "foo"},
    {**REENTRANT, "gradient_checkpointing_kwargs": {"preserve_rng_state": False}},
    {"accelerator_config": {"foo": 1}},
    {"accelerator_config": {"split_batches": True}},
    {"accelerator_config": "nowhere.json"},
    {"accelerator_config": {"gradient_accumulation_kwargs": {"foo": 1}}},
]


@pytest.mark.parametrize("options", TRAINED, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_values_are_refused_exactly_if_a_training_learns_nothing_with_them(
    content: dict[str, Any], pairs: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    block = {"learning_rate": 1e-3, **options}
    found = problems(content, dpo=block)
    learned = learns(content["model"]["path"], pairs, options, {"r": 2}, tmp_path)
    assert bool(found) != learned, found
    assert all(line.startswith("dpo.") and ": " in line for line in found)


def test_the_reference_of_full_fine_tuning_is_synchronised_after_some_steps(
    content: dict[str, Any], pairs: Path, tmp_path: Path
) -> None:
    for steps in (0, 1):
        options = {"sync_ref_model": True, "ref_model_sync_steps": steps}
        work = tmp_path / str(steps)
        work.mkdir()
        learned = learns(content["model"]["path"], pairs, options, None, work)
        assert bool(problems(content, dpo=options, lora=None)) != learned == (steps == 1)


# A training ends with these, but it does not do what the key says.
@pytest.mark.parametrize(
    "options",
    [
        {"loss_weights": [-1]},
        {"label_smoothing": 0.1},
        {"label_smoothing": 0.6, **ROBUST},
        {"ld_alpha": 2},
        {"ref_model_mixup_alpha": -0.1},
        {"save_steps": 0},
        {"logging_steps": -1},
        {"lr_scheduler_type": "constant", "lr_scheduler_kwargs": {"foo": 1}},
        {"gradient_checkpointing_kwargs": {"use_reentrnat": False}},
        {"accelerator_config": {"gradient_accumulation_kwargs": {"num_steps": 2}}},
    ],
    ids=str,
)
def test_values_without_their_effect_are_refused(
    content: dict[str, Any], options: dict[str, Any]
) -> None:
    [line] = problems(content, dpo=options)
    assert line.startswith("dpo.") and line.count(": ") == 2


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"padding_free": True}, "padding_free"),
        ({"packing": True, "max_length": None}, "max_length"),
        ({"packing": True, "packing_strategy": "tight"}, "packing_strategy"),
        ({"loss_type": "sigmoid"}, "loss_type"),
        ({"gradient_checkpointing_kwargs": {"selective": True}}, "gradient_checkpointing_kwargs"),
    ],
)
def test_keys_of_continued_pretraining_are_refused(
    content: dict[str, Any], options: dict[str, Any], key: str
) -> None:
    absorb = {"documents": "all", "sft": options}
    assert problems(content, absorb=absorb)[0].startswith(f"absorb.sft.{key}")
    fine = {"packing": True, "gradient_checkpointing": True, "padding_free": True}
    assert not problems(content, absorb={"documents": "all", "sft": fine})


def test_a_mapping_may_be_in_a_file_or_in_json(content: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "accelerator.json"
    file.write_text(json.dumps({"even_batches": True}))
    assert not problems(content, dpo={"accelerator_config": str(file)})
    file.write_text(json.dumps({"even_batch": True}))
    [line] = problems(content, dpo={"accelerator_config": str(file)})
    assert line.endswith("did you mean even_batches?")
    for text in ("[", "[]"):
        file.write_text(text)
        assert problems(content, dpo={"accelerator_config": str(file)})


def test_the_tables_are_those_of_the_installed_libraries() -> None:
    from accelerate.utils import GradientAccumulationPlugin
    from torch.utils.checkpoint import checkpoint
    from transformers.debug_utils import DebugOption
    from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION
    from transformers.trainer_pt_utils import AcceleratorConfig
    from transformers.trainer_utils import FSDPOption

    def names(kind: Any) -> set[str]:
        return {field.name for field in dataclasses.fields(kind)}

    assert set(values.ACCELERATOR) == names(AcceleratorConfig)
    assert set(values.ACCUMULATION) == names(GradientAccumulationPlugin)
    assert set(values.DEBUGGING) == {option.value for option in DebugOption}
    assert {*FSDP, *FSDP_1} == {option.value for option in FSDPOption}
    taken = set(inspect.signature(checkpoint).parameters) | {"preserve_rng_state"}
    assert set(values.CHECKPOINTING) == taken - {"function", "args", "kwargs", "context_fn"}
    own = {"optimizer", "num_warmup_steps", "num_training_steps", "last_epoch"}
    for kind, function in TYPE_TO_SCHEDULER_FUNCTION.items():
        if kind.value in values.SCHEDULES:
            taken = set(inspect.signature(function).parameters) - own
            assert set(values.SCHEDULES[kind.value]) == taken
        else:
            assert kind.value in ("greedy", "reduce_lr_on_plateau")


def test_every_range_is_of_a_key_that_there_is() -> None:
    assert values.RANGES.keys() <= declared("dpo").fields.keys()
