"""The open blocks `dpo:`, `absorb.sft:` and `lora:`, whose keys are those of TRL and PEFT.

The config takes any key in them. Here they are checked against what the installed libraries
declare, and their values are converted to the declared types.
"""

import difflib
import enum
import re
import typing
from dataclasses import Field, fields
from typing import Any

from quotetune.config.problem import Problem
from quotetune.errors import UsageError

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
_SET = {"dpo": _SET_BY_THE_RUN, "absorb.sft": _SET_BY_THE_RUN | _SET_BY_ABSORB, "lora": {}}


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
        absorb.sft.max_lenght: trl.SFTConfig has no such key; did you mean max_length?
    """
    return _convert("absorb.sft", options)[1]


def sft_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a checked `absorb.sft:` block with its values in the types of `trl.SFTConfig`."""
    return _convert("absorb.sft", options)[0]


def dpo_problems(options: dict[str, Any]) -> list[Problem]:
    """Return the problems of a `dpo:` block.

    Args:
        options: Keys of `trl.DPOConfig` with their values.

    Returns:
        The problems; empty if there are none.

    Raises:
        UsageError: TRL is not installed.

    Example:
        >>> dpo_problems({"beta": 0.1, "learning_rate": "2e-4"})
        []
        >>> print(*dpo_problems({"learnig_rate": 1}))
        dpo.learnig_rate: trl.DPOConfig has no such key; did you mean learning_rate?
    """
    return _convert("dpo", options)[1]


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
        lora.rank: peft.LoraConfig has no such key; did you mean rank_pattern?
    """
    values, problems = _convert("lora", options, key)
    if not problems:
        try:
            _target("lora")(**values)
        except (TypeError, ValueError) as error:
            problems.append(Problem(key, " ".join(str(error).split())))
    return problems


def dpo_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a checked `dpo:` block with its values in the types that `trl.DPOConfig` declares.

    YAML reads `2e-4` as a string; it becomes a number here.
    """
    return _convert("dpo", options)[0]


def lora_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return a checked `lora:` block with its values in the types that `peft.LoraConfig` declares.

    Example:
        >>> lora_options({"r": "16"})
        {'r': 16}
    """
    return _convert("lora", options)[0]


def _target(block: str) -> Any:
    try:
        if block == "dpo":
            from trl import DPOConfig

            return DPOConfig
        if block == "absorb.sft":
            from trl import SFTConfig

            return SFTConfig
        from peft import LoraConfig

        return LoraConfig
    except ImportError as error:
        raise UsageError(f"training needs {error.name}: install quotetune[train]") from error


def _convert(
    block: str, options: dict[str, Any], key: str | None = None
) -> tuple[dict[str, Any], list[Problem]]:
    """Convert the values to the declared types, and list those that cannot be converted."""
    import pydantic

    target = _target(block)
    declared = {field.name: field for field in fields(target) if field.init}
    hints = typing.get_type_hints(target)
    values: dict[str, Any] = {}
    problems = []
    for name, value in options.items():
        wrong = None
        if name not in declared:
            wrong = _unknown(name, target, declared)
        elif name in _SET[block]:
            wrong = f"cannot be set here, since {_SET[block][name]}: remove it"
        else:
            try:
                values[name] = _convert_value(hints[name], value)
            except pydantic.ValidationError as error:
                reasons = "; ".join(dict.fromkeys(item["msg"] for item in error.errors()))
                wrong = f"{value!r} is not valid: {reasons}"
            else:
                wrong = _not_a_choice(hints[name], declared[name], values[name])
        if wrong is not None:
            problems.append(Problem(f"{key or block}.{name}", wrong))
    return values, problems


def _unknown(key: str, target: Any, declared: dict[str, Any]) -> str:
    close = difflib.get_close_matches(key, declared, n=1, cutoff=0.5)
    library = target.__module__.partition(".")[0]
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{library}.{target.__name__} has no such key{hint}"


def _convert_value(hint: Any, value: Any) -> Any:
    import pydantic

    # DPOConfig accepts one loss as a string, though it declares a list.
    if hint == list[str] and isinstance(value, str):
        value = [value]
    try:
        adapter = pydantic.TypeAdapter(hint, config={"arbitrary_types_allowed": True})
    except pydantic.PydanticUserError:
        return value
    return adapter.validate_python(value)


def _not_a_choice(hint: Any, field: "Field[Any]", value: Any) -> str | None:
    """Return the problem of a value that is not among a field's choices; None if it has none."""
    choices = list(field.metadata.get("choices", []))
    for member in typing.get_args(hint):
        if isinstance(member, type) and issubclass(member, enum.Enum):
            choices += [choice.value for choice in member]
    if field.name == "loss_type" and not choices:
        # TRL checks the name of a loss only in the first step, but its help lists all names.
        listed = field.metadata["help"].partition("Possible values are")[2].partition(". ")[0]
        choices = re.findall(r"`'(\w+)'`", listed)
    given = value if isinstance(value, list) else [value]
    wrong = [item for item in given if getattr(item, "value", item) not in choices]
    if not choices or value is None or not wrong:
        return None
    return f"{wrong[0]!r} is not one of {', '.join(map(str, choices))}"
