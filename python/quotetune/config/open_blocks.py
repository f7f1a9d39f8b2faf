"""The open blocks `dpo:`, `absorb.sft:` and `lora:`, whose keys are those of TRL and PEFT.

The config takes any key in them. Here they are checked against what the installed libraries
declare, and their values are converted to the declared types.
"""

import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quotetune.config.library_fields import Block, config_class, declared
from quotetune.config.problem import Problem, unknown
from quotetune.config.wording import wanted

_SET_BY_THE_RUN = {
    "output_dir": "the run's directory is `run`",
    "seed": "it is the run's `seed`",
    "data_seed": "it is the run's `seed`",
    "full_determinism": "it is the run's `seed`",
    "trust_remote_code": "it is `model.trust_remote_code`",
    "model_init_kwargs": "`model` describes the model",
    "resume_from_checkpoint": "an interrupted training resumes by itself",
    "save_only_model": "an interrupted training could not resume",
    "disable_tqdm": "the run shows the progress",
    "load_best_model_at_end": "training has no evaluation pairs",
    "eval_strategy": "training has no evaluation pairs (see `evaluation`)",
    "eval_on_start": "training has no evaluation pairs (see `evaluation`)",
    "parallelism_config": "`launch` describes the devices",
    "do_eval": "training has no evaluation pairs (see `evaluation`)",
    "hub_model_id": "nothing is uploaded",
    "push_to_hub": "nothing is uploaded",
}
# The run tokenises the documents, each by itself.
_SET_BY_ABSORB = dict.fromkeys(
    (
        "assistant_only_loss",
        "chat_template_path",
        "completion_only_loss",
        "dataset_kwargs",
        "dataset_text_field",
        "eos_token",
        "eval_packing",
        "pad_token",
    ),
    "the run tokenises the documents (see `absorb`)",
)
_PISSA = "pissa_niter_[number of iters]"  # as PEFT declares pissa_niter_16
_SET_BY_LORA = {
    "arrow_config": "a run has one adapter",
    "peft_type": "a run trains LoRA",
    "runtime_config": "it is for Python code",
}
# Words for a key that are not like its name.
_OTHER_NAMES = {"rank": "r", "lora_r": "r", "lora_rank": "r", "epochs": "num_train_epochs"}
_SET = {
    "dpo": _SET_BY_THE_RUN,
    "absorb.sft": _SET_BY_THE_RUN | _SET_BY_ABSORB,
    "lora": _SET_BY_LORA,
}


def sft_problems(options: dict[str, Any]) -> list[Problem]:
    """Return the problems of an `absorb.sft:` block.

    Args:
        options: Keys of `trl.SFTConfig` with their values.

    Returns:
        The problems; empty if there are none.

    Raises:
        UsageError: TRL is not installed.

    Example:
        >>> print(*sft_problems({"num_train_epochs": 3, "max_lenght": 512}))
        absorb.sft.max_lenght: trl.SFTConfig has no such key: did you mean max_length?
    """
    return _problems("absorb.sft", options)


def sft_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a checked `absorb.sft:` block with its values in the types of `trl.SFTConfig`."""
    return _options("absorb.sft", options)


def dpo_problems(options: dict[str, Any], key: str = "dpo") -> list[Problem]:
    """Return the problems of a `dpo:` block.

    Args:
        options: Keys of `trl.DPOConfig` with their values.
        key: The block's key in messages, such as `dpo.round-2`.

    Returns:
        The problems; empty if there are none.

    Raises:
        UsageError: TRL is not installed.

    Example:
        >>> dpo_problems({"beta": 0.1, "learning_rate": "2e-4"})
        []
        >>> print(*dpo_problems({"learnig_rate": 1}))
        dpo.learnig_rate: trl.DPOConfig has no such key: did you mean learning_rate?
    """
    return _problems("dpo", options, key)


def lora_problems(options: dict[str, Any], key: str = "lora") -> list[Problem]:
    """Return the problems of a `lora:` block.

    Args:
        options: Keys of `peft.LoraConfig` with their values.
        key: The block's key in the config.

    Returns:
        The problems; empty if there are none.

    Raises:
        UsageError: PEFT is not installed.

    Example:
        >>> lora_problems({"r": 16, "target_modules": "all-linear"})
        []
        >>> print(*lora_problems({"rank": 16}))
        lora.rank: peft.LoraConfig has no such key: did you mean r?
    """
    problems = _problems("lora", options, key)
    return problems or [Problem(key, text) for text in _contradictions(options)]


def _contradictions(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield what `peft.LoraConfig` refuses of keys that are valid alone."""
    start, pattern = options.get("init_lora_weights", True), options.get("layers_pattern")
    layers = options.get("layers_to_transform")
    if isinstance(options.get("target_modules"), str):
        for name, value in (("layers_to_transform", layers), ("layers_pattern", pattern)):
            if value is not None:
                yield f"{name} needs a list of target_modules: give a list, or remove {name}"
    if pattern and layers is None:
        yield "layers_pattern needs layers_to_transform: set it, or remove layers_pattern"
    if options.get("use_dora") and options.get("megatron_config"):
        yield "use_dora does not work with megatron_config: remove one of them"
    if options.get("lora_bias") and not isinstance(start, bool):
        yield f"lora_bias does not work with init_lora_weights {start}: remove one of them"
    if options.get("lora_bias") and options.get("use_dora"):
        yield "lora_bias does not work with use_dora: remove one of them"


def dpo_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a checked `dpo:` block with its values in the types that `trl.DPOConfig` declares.

    YAML reads `2e-4` as a string; it becomes a number here.
    """
    return _options("dpo", options)


def lora_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a checked `lora:` block with its values in the types that `peft.LoraConfig` declares.

    Example:
        >>> lora_options({"r": "16"})
        {'r': 16}
    """
    return _options("lora", options)


def _problems(block: Block, options: dict[str, Any], key: str | None = None) -> list[Problem]:
    """List the keys that the library does not have, and the values that it does not take."""
    import pydantic

    target = declared(block)
    problems = []
    for name, value in options.items():
        wrong = None
        if name not in target.fields:
            meant = _OTHER_NAMES.get(name)
            known = target.fields
            wrong = unknown(target.name, meant if meant in known else name, known)
        elif name in _SET[block]:
            wrong = f"cannot be set here, since {_SET[block][name]}: remove it"
        else:
            try:
                converted = _convert(target.fields[name].hint, value)
            except pydantic.ValidationError as error:
                kinds = dict.fromkeys(wanted(dict(item)) for item in error.errors())
                wrong = f"{value!r} is not valid: give {' or '.join(kinds)}"
            else:
                if name == "torch_compile_backend" and converted is not None:
                    converted = converted.lower()  # as accelerate and torch read it
                wrong = _not_a_choice(target.fields[name].choices, converted)
        if wrong is not None:
            problems.append(Problem(f"{key or block}.{name}", wrong))
    return problems


def _options(block: Block, options: dict[str, Any]) -> dict[str, Any]:
    """Convert the values of a checked block to the types of the library's class."""
    hints = typing.get_type_hints(config_class(block))
    return {name: _convert(hints[name], value) for name, value in options.items()}


def _convert(hint: Any, value: Any) -> Any:
    import pydantic

    if (
        (
            _PISSA in typing.get_args(hint)
            or any(_PISSA in typing.get_args(part) for part in typing.get_args(hint))
        )
        and isinstance(value, str)
        and re.fullmatch(r"pissa_niter_\d+", value)
    ):
        return value
    # DPOConfig accepts one loss as a string, though it declares a list.
    if hint == list[str] and isinstance(value, str):
        value = [value]
    try:
        adapter = pydantic.TypeAdapter(hint, config={"arbitrary_types_allowed": True})
    except pydantic.PydanticUserError:
        return value
    return adapter.validate_python(value)


def _not_a_choice(choices: Sequence[str], value: Any) -> str | None:
    """Return the problem of a value that is not among a field's choices; None if it has none."""
    given = value if isinstance(value, list) else [value]
    wrong = [item for item in given if item not in choices]
    if not choices or value is None or not wrong:
        return None
    return f"{wrong[0]!r} is not one of {', '.join(map(str, choices))}: choose one"
