"""The values of TRL's and transformers' settings that a training takes.

Outside them, a training fails, learns nothing, or learns the opposite. Tests compare the tables
with trainings of a tiny model.
"""

import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.config.problem import Problem, unknown


@dataclass(frozen=True)
class Range:
    """The numbers that a key may have. `above` and `below` are not among them."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def contains(self, number: float) -> bool:
        """Tell whether a number is finite and in the range."""
        return (
            math.isfinite(number)
            and (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )

    @property
    def remedy(self) -> str:
        """The range in words, such as `set it to 0 or more, below 1`."""
        parts = (
            (self.least, "to {} or more"),
            (self.above, "above {}"),
            (self.most, "at most {}"),
            (self.below, "below {}"),
        )
        words = ", ".join(text.format(bound) for bound, text in parts if bound is not None)
        return f"set it {words}"


RANGES = {
    "adam_beta1": Range(least=0, below=1),
    "adam_beta2": Range(least=0, below=1),
    # At 0, a weight without a gradient, such as LoRA's A in the first step, is divided by 0.
    "adam_epsilon": Range(above=0),
    "beta": Range(above=0),
    "dataloader_num_workers": Range(least=0),
    "dataloader_prefetch_factor": Range(least=1),
    "discopop_tau": Range(above=0),
    "gradient_accumulation_steps": Range(least=1),
    "label_smoothing": Range(least=0, below=0.5),
    "label_smoothing_factor": Range(least=0, below=1),
    "ld_alpha": Range(least=0, most=1),
    "learning_rate": Range(above=0),
    "logging_steps": Range(above=0),
    "max_length": Range(least=1),
    "neftune_noise_alpha": Range(least=0),
    "pad_to_multiple_of": Range(least=1),
    "per_device_train_batch_size": Range(least=1),
    "precompute_ref_batch_size": Range(least=1),
    "ref_model_mixup_alpha": Range(least=0, most=1),
    "ref_model_sync_steps": Range(least=1),
    "save_steps": Range(above=0),
    "torch_empty_cache_steps": Range(least=1),
    "warmup_steps": Range(least=0),
    "weight_decay": Range(least=0),
}
# Shares of all steps below 1, and numbers of steps from 1 on.
_STEPS = {"logging_steps": "logging_strategy", "save_steps": "save_strategy"}
_COSINE = ("num_cycles", "min_lr", "min_lr_rate")
SCHEDULES: dict[str, tuple[str, ...]] = {
    "linear": (),
    "cosine": ("num_cycles",),
    "cosine_with_restarts": ("num_cycles",),
    "polynomial": ("lr_end", "power"),
    "constant": (),
    "constant_with_warmup": (),
    "inverse_sqrt": ("timescale",),
    "cosine_with_min_lr": _COSINE,
    "cosine_warmup_with_min_lr": (*_COSINE, "warmup_lr_rate"),
    "warmup_stable_decay": (
        "num_decay_steps",
        "num_stable_steps",
        "warmup_type",
        "decay_type",
        "min_lr_ratio",
        "num_cycles",
    ),
}
_DIVIDE_BY_BETA = ("ipo", "sppo_hard")
_EVALUATING = ("greedy", "reduce_lr_on_plateau")
_CURVES = ("linear", "cosine", "1-sqrt")
CHECKPOINTING = ("use_reentrant", "preserve_rng_state", "determinism_check", "early_stop", "debug")
ACCELERATOR = (
    "split_batches",
    "dispatch_batches",
    "even_batches",
    "use_seedable_sampler",
    "non_blocking",
    "gradient_accumulation_kwargs",
    "use_configured_state",
)
ACCUMULATION = ("num_steps", "adjust_scheduler", "sync_with_dataloader", "sync_each_batch")
DEBUGGING = ("underflow_overflow", "tpu_metrics_debug")


def value_problems(block: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of single values of a block of `dpo`, or of `absorb.sft`."""
    for name, value in options.items():
        key = f"{block}.{name}"
        number = as_number(value)
        if number is not None and not _may_be(name, number, options):
            remedy = RANGES[name].remedy if name in RANGES else "set it to a finite number"
            yield Problem(key, f"is {value}: {remedy}")
        elif name == "max_steps" and number == 0:
            yield Problem(key, "is 0, so nothing is learned: set it to 1 or more, or leave it out")
        elif name in _STEPS and number is not None and number > 1 and number != int(number):
            yield Problem(key, f"is {value}: set it to a whole number, or to a share below 1")
        elif name == "pad_to_multiple_of" and isinstance(value, str) and number is None:
            if value.lower() not in ("auto", "none", "null"):
                yield Problem(key, f"is {value!r}: set it to a whole number or to auto")
        elif name == "debug" and isinstance(value, str):
            for word in value.split():
                if word not in DEBUGGING:
                    yield Problem(key, f"{word!r} is not one of {', '.join(DEBUGGING)}: remove it")
        elif name == "optim_args" and value and not _are_pairs(str(value)):
            yield Problem(key, f"is {value!r}: write it as name=value, name=value")
    yield from _schedule(block, options)
    yield from _checkpointing(block, options)
    yield from _accelerator(block, options)


def _are_pairs(text: str) -> bool:
    return all(part.count("=") == 1 for part in text.split(","))


def _may_be(name: str, number: float, options: Mapping[str, Any]) -> bool:
    if name in _STEPS and str(options.get(_STEPS[name], "steps")) != "steps":
        return math.isfinite(number)
    if name == "max_grad_norm":  # at 0 and below, as at infinity, nothing is clipped
        return not math.isnan(number)
    if name == "beta" and number == 0:
        return _learns_answers(options)
    allowed = RANGES.get(name)
    return math.isfinite(number) if allowed is None else allowed.contains(number)


def _learns_answers(options: Mapping[str, Any]) -> bool:
    """Tell whether a training learns without `beta`, by which all losses but `sft` multiply."""
    kinds, weights = losses(options), options.get("loss_weights")
    if isinstance(weights, list) and len(weights) == len(kinds):
        kinds = [kind for kind, weight in zip(kinds, weights, strict=True) if as_number(weight)]
    return "sft" in kinds and set(losses(options)).isdisjoint(_DIVIDE_BY_BETA)


def losses(options: Mapping[str, Any]) -> list[str]:
    """Return the losses of a `dpo` block."""
    found = options.get("loss_type", "sigmoid")
    return [found] if isinstance(found, str) else list(found or [])


def _schedule(block: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    kind = str(options.get("lr_scheduler_type", "linear"))
    key = f"{block}.lr_scheduler_kwargs"
    if kind in _EVALUATING:
        text = f"{kind} needs evaluation pairs, and training has none: choose another"
        yield Problem(f"{block}.lr_scheduler_type", text)
        return
    if kind not in SCHEDULES:
        return
    given, problem = _mapping(key, options.get("lr_scheduler_kwargs"))
    if problem is not None:
        yield problem
        return
    yield from _unknown(key, given, SCHEDULES[kind], f"the schedule {kind}")
    needed = [name for name in ("min_lr", "min_lr_rate") if name in SCHEDULES[kind]]
    if needed and sum(given.get(name) is not None for name in needed) != 1:
        yield Problem(key, f"{kind} needs either min_lr or min_lr_rate: set one of them")
    if "num_decay_steps" in SCHEDULES[kind] and given.get("num_decay_steps") is None:
        yield Problem(key, f"{kind} needs num_decay_steps: set it")
    for name in ("warmup_type", "decay_type"):
        if given.get(name, "cosine") not in _CURVES:
            yield Problem(f"{key}.{name}", f"is not one of {', '.join(_CURVES)}: choose one")
    rate, end = as_number(options.get("learning_rate")), as_number(given.get("lr_end", 1e-7))
    if kind == "polynomial" and rate is not None and end is not None and end >= rate:
        text = f"is {end}, which is not below {block}.learning_rate, {rate}: lower it"
        yield Problem(f"{key}.lr_end", text)


def _checkpointing(block: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    key = f"{block}.gradient_checkpointing_kwargs"
    known = (*CHECKPOINTING, *(["selective"] if block == "absorb.sft" else []))
    given, problem = _mapping(key, options.get("gradient_checkpointing_kwargs"))
    if problem is not None:
        yield problem
        return
    yield from _unknown(key, given, known, "gradient checkpointing")
    # Reentrant is the default of torch, but not of TRL for selective checkpointing.
    for name, default in (("debug", True), ("selective", False)):
        if given.get(name) and given.get("use_reentrant", default):
            yield Problem(f"{key}.{name}", "needs use_reentrant: false beside it: set that")
    if given.get("determinism_check", "default") not in ("default", "none"):
        text = f"is {given['determinism_check']!r}: set it to default or none"
        yield Problem(f"{key}.determinism_check", text)
    if given.get("selective") and not options.get("gradient_checkpointing"):
        text = f"needs gradient checkpointing: set {block}.gradient_checkpointing to true"
        yield Problem(f"{key}.selective", text)


def _accelerator(block: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    key, value = f"{block}.accelerator_config", options.get("accelerator_config")
    if isinstance(value, str) and not value.startswith("{"):
        try:
            value = json.loads(Path(value).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            text = f"{value}: cannot be read as JSON ({error}): correct it, or write the keys here"
            yield Problem(key, text, to_provide=isinstance(error, FileNotFoundError))
            return
    given, problem = _mapping(key, value)
    if problem is not None:
        yield problem
        return
    yield from _unknown(key, given, ACCELERATOR, "transformers' AcceleratorConfig")
    inner = given.get("gradient_accumulation_kwargs") or {}
    below = f"{key}.gradient_accumulation_kwargs"
    if not isinstance(inner, Mapping):
        yield Problem(below, f"is {inner!r}: write its keys and values below it")
        return
    yield from _unknown(below, inner, ACCUMULATION, "gradient accumulation")
    if inner.get("num_steps") is not None:
        text = f"cannot be set here: set {block}.gradient_accumulation_steps"
        yield Problem(f"{below}.num_steps", text)


def _mapping(key: str, value: Any) -> tuple[Mapping[str, Any], Problem | None]:
    """Return a mapping, which may be written as JSON, or the problem of another value."""
    content = value
    if isinstance(value, str):
        try:
            content = json.loads(value)
        except ValueError:
            content = value
    if content is None:
        return {}, None
    if not isinstance(content, Mapping):
        return {}, Problem(key, f"is {value!r}: write its keys and values below it")
    return content, None


def _unknown(
    key: str, given: Mapping[str, Any], known: Collection[str], what: str
) -> Iterator[Problem]:
    for name in given:
        if name not in known:
            yield Problem(f"{key}.{name}", unknown(what, name, known))


def as_number(value: Any) -> float | None:
    """Return a number, which may be written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
