"""Check the settings that TRL, PEFT and accelerate refuse only when a training starts.

The rules are a table of our own, so that a dry run does not import the libraries. A test compares
them with what the installed libraries refuse.
"""

import importlib.util
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.models.json_files import known_settings, token_texts
from quotetune.pipeline.preflight.values import as_number, losses, value_problems
from quotetune.runtime.accelerator import has_accelerator
from quotetune.training.processes import Kind

_ON_A_GPU = ("activation_offloading", "fp16", "tf32")
_WORKERS = "dataloader_num_workers"
_WITH_WORKERS = (
    "dataloader_multiprocessing_context",
    "dataloader_persistent_workers",
    "dataloader_prefetch_factor",
)
FSDP = ("full_shard", "shard_grad_op", "offload", "auto_wrap")
FSDP_1 = ("hybrid_shard", "hybrid_shard_zero2", "no_shard")  # with version 1 in fsdp_config
# The losses that dpo.label_smoothing is part of, and those that take dpo.f_divergence_type.
SMOOTHED = ("exo_pair", "robust", "aot", "aot_unpaired")
DIVERGENT = (
    "sigmoid",
    "sigmoid_norm",
    "hinge",
    "ipo",
    "exo_pair",
    "robust",
    "discopop",
    "sft",
)
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
    "xla": ("torch_xla", "torch-xla"),
    "npu": ("torch_npu", "torch-npu"),
}


def training_problems(config: Config) -> list[Problem]:
    """Check the blocks `absorb.sft` and `dpo`."""
    absorb = config.absorb
    problems = [] if absorb is None else list(_settings("absorb.sft", absorb.sft, config))
    problems += [] if absorb is None else list(_sft(absorb.sft))
    for key, options in config.dpo_blocks.items():
        problems += _settings(key, options, config)
        problems += _dpo(key, options, config)
    return problems


def _settings(block: str, options: Mapping[str, Any], config: Config) -> Iterator[Problem]:
    """Yield the problems of the keys that all trainings have."""
    yield from value_problems(block, options)
    for name, value in options.items():
        key = f"{block}.{name}"
        if name == "num_train_epochs" and (epochs := as_number(value)) is not None and epochs <= 0:
            if (as_number(options.get("max_steps")) or 0) <= 0:
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
            yield Problem(
                key, f"{value} does not exist: write it, or leave it out", to_provide=True
            )
        elif name in _ON_A_GPU and value and not has_accelerator():
            if name != "fp16" or not options.get("bf16"):  # both are refused below
                yield Problem(key, "needs a GPU, and there is none: set it to false")
        elif name in _WITH_WORKERS and value and not as_number(options.get(_WORKERS)):
            text = f"needs {block}.{_WORKERS} above 0: set that, or leave this out"
            yield Problem(key, text)
        elif name == "save_strategy" and value == "best":
            text = "best needs evaluation pairs, and training has none: set it to steps or epoch"
            yield Problem(key, text)
    yield from _devices(block, options, config)
    if options.get("router_aux_loss_coef") and not _may_have_experts(Path(config.model.path)):
        text = "is for mixtures of experts, and the model is not one: leave it out"
        yield Problem(f"{block}.router_aux_loss_coef", text)
    for kind in ("", "_full_eval"):
        first, second = f"fp16{kind}", f"bf16{kind}"
        if options.get(first) and options.get(second):
            text = f"is true, and so is {block}.{second}: set one of them to false"
            yield Problem(f"{block}.{first}", text)
    no_cpu = options.get("use_cpu", True) is False
    if options.get("bf16") and no_cpu and not has_accelerator():
        yield Problem(f"{block}.use_cpu", "is false, but there is no GPU: leave it out")


def _may_have_experts(directory: Path) -> bool:
    settings = known_settings(directory)
    return not settings or any("expert" in key or "router" in key for key in settings)


def _devices(block: str, options: Mapping[str, Any], config: Config) -> Iterator[Problem]:
    """Yield the keys of trainings on several devices, without such a training."""
    for name in ("ddp_backend", "fsdp"):
        if options.get(name) and config.launch is None:
            text = "is for several processes, but launch is not set: set launch, or leave it out"
            yield Problem(f"{block}.{name}", text)
    if options.get("fsdp") and options.get("deepspeed"):
        yield Problem(f"{block}.fsdp", f"does not work with {block}.deepspeed: remove one of them")
    if config.model.quantization is not None and _is_sharded(options, config):
        # accelerate and FSDP 1 refuse it, after the model is loaded.
        text = f"is {config.model.quantization}, whose bytes FSDP does not shard"
        yield Problem("model.quantization", f"{text}: leave it out, or train without FSDP")
    sharding, further = options.get("fsdp"), options.get("fsdp_config")
    older = isinstance(further, str) or (further or {}).get("version") == 1
    known = (*FSDP, *(FSDP_1 if older else ()))
    for word in sharding.split() if isinstance(sharding, str) else []:
        if word not in known:
            yield Problem(f"{block}.fsdp", f"{word!r} is not one of {', '.join(known)}: correct it")


def _sft(options: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of the keys of continued pre-training."""
    if options.get("packing"):
        if options.get("max_length", 1024) is None:
            text = "is null, but absorb.sft.packing needs a length: set it"
            yield Problem("absorb.sft.max_length", text)
    elif options.get("padding_free") and options.get("max_length", 1024) is not None:
        text = "needs absorb.sft.packing, or absorb.sft.max_length null: set one of them"
        yield Problem("absorb.sft.padding_free", text)


def _dpo(block: str, options: Mapping[str, Any], config: Config) -> Iterator[Problem]:
    """Yield the problems of the keys of DPO."""
    kinds, pad = losses(options), options.get("pad_token")
    if isinstance(pad, str) and pad:
        vocabulary = token_texts(Path(config.model.path))
        if vocabulary is not None and pad not in vocabulary:
            text = f"{pad!r} is not a token of the model: choose one that is, or leave it out"
            yield Problem(f"{block}.pad_token", text)
    if not kinds:
        yield Problem(f"{block}.loss_type", "is empty, so nothing is learned: give a loss")
    if options.get("sync_ref_model"):
        if config.lora is not None:
            text = "needs full fine-tuning, but lora is set: set one of them to false or null"
            yield Problem(f"{block}.sync_ref_model", text)
        elif options.get("precompute_ref_log_probs"):
            text = (
                f"changes the reference that {block}.precompute_ref_log_probs keeps: set one to"
                " false"
            )
            yield Problem(f"{block}.sync_ref_model", text)
    once = options.get("precompute_ref_log_probs")
    if once and config.lora is not None and _is_sharded(options, config):
        text = "does not work with FSDP and lora, because the model is not on the GPUs then"
        yield Problem(f"{block}.precompute_ref_log_probs", f"{text}: leave it out")
    weights = options.get("loss_weights")
    if isinstance(weights, list) and len(weights) != len(kinds):
        text = f"has {len(weights)} weights for {len(kinds)} losses: give one per {block}.loss_type"
        yield Problem(f"{block}.loss_weights", text)
    elif isinstance(weights, list):
        numbers = [as_number(weight) or 0.0 for weight in weights]
        if not all(0 <= number < math.inf for number in numbers) or not any(numbers):
            text = f"is {weights}, which does not learn the pairs: give weights of 0 or more, one"
            yield Problem(f"{block}.loss_weights", f"{text} of them above 0")
    if "exo_pair" in kinds and not options.get("label_smoothing"):
        text = f"exo_pair needs label_smoothing above 0: set {block}.label_smoothing, such as 1e-3"
        yield Problem(f"{block}.loss_type", text)
    if options.get("label_smoothing") and not set(SMOOTHED) & set(kinds):
        text = f"has no effect on the loss {', '.join(kinds)}, only on {', '.join(SMOOTHED)}"
        yield Problem(f"{block}.label_smoothing", f"{text}: remove it, or change {block}.loss_type")
    divergence = str(options.get("f_divergence_type", "reverse_kl"))
    other = [kind for kind in kinds if kind not in DIVERGENT]
    if divergence != "reverse_kl" and other:
        text = f"{divergence} does not work with the loss {other[0]}: set it to reverse_kl"
        yield Problem(f"{block}.f_divergence_type", text)
    if options.get("use_weighting") and {"aot", "aot_unpaired"} & set(kinds):
        yield Problem(f"{block}.use_weighting", "does not work with aot: set it to false")


def _is_sharded(options: Mapping[str, Any], config: Config) -> bool:
    return bool(options.get("fsdp")) or _launches_fsdp(config.launch)


def _launches_fsdp(launch: Kind | Path | None) -> bool:
    if not isinstance(launch, Path):
        return launch == "fsdp2"
    if not launch.is_file():
        return False
    try:
        content = yaml.safe_load(launch.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return False  # accelerate says what is wrong
    return isinstance(content, dict) and content.get("distributed_type") == "FSDP"


def _optimizer(key: str, name: str) -> Iterator[Problem]:
    needed = next((package for part, package in _OPTIMIZERS.items() if part in name), None)
    if needed is not None:
        yield from _package(key, *needed, value=name)


def _trackers(key: str, value: Any) -> Iterator[Problem]:
    for name in [value] if isinstance(value, str) else value or []:
        if name in ("none", "all"):
            continue
        if name not in TRACKERS:
            yield Problem(key, f"{name} is not one of none, all, {', '.join(TRACKERS)}: choose one")
        else:
            yield from _package(key, *TRACKERS[name], value=name)


def _deepspeed(key: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, str) and not Path(value).is_file():
        yield Problem(key, f"{value} does not exist: write it, or leave it out", to_provide=True)
    yield from _package(key, "deepspeed", "deepspeed")


def _package(key: str, module: str, package: str, *, value: str = "") -> Iterator[Problem]:
    if importlib.util.find_spec(module) is None:
        what = f"{value} needs {package}" if value else f"needs {package}"
        yield Problem(key, f"{what}, which is not installed: install it, or change the key")
