"""Check the settings that TRL, PEFT and accelerate refuse only when a training starts.

The rules are a table of our own, so that a dry run does not import the libraries. A test compares
them with what the installed libraries refuse.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.runtime.accelerator import has_accelerator

# The least values. Below them, a training fails, or does nothing.
_LEAST = {
    "beta": 0,
    "gradient_accumulation_steps": 1,
    "learning_rate": 0,
    "max_grad_norm": 0,
    "max_length": 1,
    "per_device_train_batch_size": 1,
    "warmup_steps": 0,
    "weight_decay": 0,
}
# The packages of trackers (`report_to`), by the module that transformers looks for.
TRACKERS = {
    "azure_ml": ("azureml", "azureml-core"),
    "clearml": ("clearml", "clearml"),
    "codecarbon": ("codecarbon", "codecarbon"),
    "comet_ml": ("comet_ml", "comet-ml"),
    "dagshub": ("dagshub", "dagshub"),
    "dvclive": ("dvclive", "dvclive"),
    "flyte": ("flytekit", "flytekit"),
    "kubeflow": ("kubeflow", "kubeflow"),
    "mlflow": ("mlflow", "mlflow"),
    "neptune": ("neptune", "neptune"),
    "swanlab": ("swanlab", "swanlab"),
    "tensorboard": ("tensorboard", "tensorboard"),
    "trackio": ("trackio", "trackio"),
    "wandb": ("wandb", "wandb"),
}
# The packages of optimizers (`optim`), by a part of their name; the first part that fits counts.
_OPTIMIZERS = {
    "galore": ("galore_torch", "galore-torch"),
    "apollo": ("apollo_torch", "apollo-torch"),
    "adamw_torch_4bit": ("torchao", "torchao"),
    "adamw_torch_8bit": ("torchao", "torchao"),
    "bnb": ("bitsandbytes", "bitsandbytes"),
    "8bit": ("bitsandbytes", "bitsandbytes"),
    "32bit": ("bitsandbytes", "bitsandbytes"),
    "ademamix": ("bitsandbytes", "bitsandbytes"),
    "anyprecision": ("torchdistx", "torchdistx"),
    "lomo": ("lomo_optim", "lomo-optim"),
    "grokadamw": ("grokadamw", "grokadamw"),
    "schedule_free": ("schedulefree", "schedulefree"),
    "stable_adamw": ("optimi", "torch-optimi"),
}


def training_problems(config: Config) -> list[Problem]:
    """Check the blocks `absorb.sft` and `dpo`."""
    absorb = config.absorb
    problems = [] if absorb is None else list(_settings("absorb.sft", absorb.sft))
    problems += _settings("dpo", config.dpo)
    return problems + list(_dpo(config.dpo, lora=config.lora is not None))


def _settings(block: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of the keys that all trainings have."""
    for name, value in options.items():
        key = f"{block}.{name}"
        least = _LEAST.get(name)
        number = _number(value)
        if least is not None and number is not None and number < least:
            yield Problem(key, f"is {value}: set it to {least} or more")
        elif name == "num_train_epochs" and number is not None and number <= 0:
            if (_number(options.get("max_steps")) or 0) <= 0:
                yield Problem(key, f"is {value}, so nothing is learned: set it above 0")
        elif name == "optim":
            yield from _optimizer(key, str(value))
        elif name == "report_to":
            yield from _trackers(key, value)
        elif name == "use_liger_kernel" and value:
            yield from _package(key, "liger_kernel", "liger-kernel")
        elif name == "deepspeed" and value:
            yield from _deepspeed(key, value)
        elif name == "fsdp_config" and isinstance(value, str) and not Path(value).is_file():
            yield Problem(key, f"{value} does not exist: write it, or leave it out", True)
    if options.get("fp16") and options.get("bf16"):
        yield Problem(f"{block}.fp16", f"is true, and so is {block}.bf16: set one of them to false")
    elif options.get("fp16") and not has_accelerator():
        yield Problem(f"{block}.fp16", "needs a GPU, and there is none: set it to false")


def _dpo(options: Mapping[str, Any], *, lora: bool) -> Iterator[Problem]:
    """Yield the problems of the keys of DPO."""
    losses = options.get("loss_type", "sigmoid")
    losses = [losses] if isinstance(losses, str) else losses
    if options.get("sync_ref_model"):
        if lora:
            text = "needs full fine-tuning, but lora is set: set one of them to false or null"
            yield Problem("dpo.sync_ref_model", text)
        elif options.get("precompute_ref_log_probs"):
            text = "changes the reference that dpo.precompute_ref_log_probs keeps: set one to false"
            yield Problem("dpo.sync_ref_model", text)
    weights = options.get("loss_weights")
    if isinstance(weights, list) and isinstance(losses, list) and len(weights) != len(losses):
        text = f"has {len(weights)} weights for {len(losses)} losses: give one per dpo.loss_type"
        yield Problem("dpo.loss_weights", text)
    if "exo_pair" in losses and not options.get("label_smoothing"):
        text = "exo_pair needs label_smoothing above 0: set dpo.label_smoothing, such as 1e-3"
        yield Problem("dpo.loss_type", text)
    if options.get("use_weighting") and {"aot", "aot_unpaired"} & set(losses):
        yield Problem("dpo.use_weighting", "does not work with aot: set it to false")


def _optimizer(key: str, name: str) -> Iterator[Problem]:
    needed = next((package for part, package in _OPTIMIZERS.items() if part in name), None)
    if needed is not None:
        yield from _package(key, *needed, value=name)


def _trackers(key: str, value: Any) -> Iterator[Problem]:
    for name in [value] if isinstance(value, str) else value or []:
        if name in ("none", "all"):
            continue
        if name not in TRACKERS:
            yield Problem(key, f"{name} is not one of none, all, {', '.join(TRACKERS)}")
        else:
            yield from _package(key, *TRACKERS[name], value=name)


def _deepspeed(key: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, str) and not Path(value).is_file():
        yield Problem(key, f"{value} does not exist: write it, or leave it out", True)
    yield from _package(key, "deepspeed", "deepspeed")


def _package(key: str, module: str, package: str, *, value: str = "") -> Iterator[Problem]:
    if importlib.util.find_spec(module) is None:
        what = f"{value} needs {package}" if value else f"needs {package}"
        yield Problem(key, f"{what}, which is not installed: install it, or change the key")


def _number(value: Any) -> float | None:
    """Return a number, which may be written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
