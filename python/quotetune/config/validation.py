"""Validate a config at once: every problem is reported together, before any work is done."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from quotetune.config import (
    Config,
    EvaluationConfig,
    PairsConfig,
    PreferenceConfig,
    PromptsConfig,
    SamplingConfig,
    evaluation_sampling,
)
from quotetune.config.absorb import AbsorbConfig
from quotetune.config.file import apply_overrides, read_yaml
from quotetune.config.rounds import round_problems
from quotetune.errors import UsageError

# A key, and the members of a union, as errors name them.
_TAG = re.compile(r"\[(key|base|model)\]|(dict|literal)\[.*\]")
_Block = TypeVar("_Block", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One thing that keeps a config from running.

    Attributes:
        key: The key at fault, as in `pairs.delta_quip`.
        text: What is wrong, and what to do.
        to_provide: Whether the config is right, and only a file that the user is to provide or
            build is not there (yet).
    """

    key: str
    text: str
    to_provide: bool = False

    def __str__(self) -> str:
        """The problem as a line of a message."""
        return f"{self.key}: {self.text}"


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config and check its keys and values.

    Whether its files are there is a question for `quotetune.config.inputs.check_inputs`.

    Args:
        path: The YAML file.
        overrides: `--set` options, `a.b=c`.

    Returns:
        The validated config.

    Raises:
        UsageError: With all problems, one a line.
    """
    content = apply_overrides(read_yaml(path), overrides)
    config, problems = validate(content)
    if config is None:
        raise UsageError(report(path, problems))
    return config


def report(path: Path, problems: Sequence[Problem]) -> str:
    """Return the message that lists the problems of a config file."""
    if len(problems) == 1:
        return f"{path}: {problems[0]}"
    return "\n  ".join([f"{path}: {len(problems)} problems", *map(str, problems)])


def validate(content: dict[str, Any]) -> tuple[Config | None, list[Problem]]:
    r"""Check the keys and values of a config, and whether they go together.

    Args:
        content: What the YAML file and the overrides say.

    Returns:
        The config, None if there are problems; and the problems.

    Example:
        >>> config, problems = validate({"run": "r", "index": "i", "model": {"path": "m"},
        ...     "prompts": {"path": "p"}, "pairs": {"delta_quipp": 0.1}, "sampling": {"n": 1}})
        >>> print(*problems, sep="\n")
        pairs.delta_quipp: unknown key: did you mean delta_quip?
    """
    problems = []
    config = None
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        problems = schema_problems(error, Config)
    problems += _combination_problems(_valid_blocks(content))
    return (None if problems else config), problems


def validate_block(block: type[_Block], name: str, content: Any) -> _Block:
    """Validate one block of a config, for a command that needs no more.

    Args:
        block: The block's class.
        name: The block's name.
        content: The block's content.

    Returns:
        The block.

    Raises:
        UsageError: With all problems, one a line.

    Example:
        >>> validate_block(PairsConfig, "pairs", {"delta_quip": 0.2}).delta_quip
        0.2
    """
    try:
        return block.model_validate(content)
    except ValidationError as error:
        raise UsageError("\n  ".join(map(str, schema_problems(error, block, name)))) from error


def schema_problems(error: ValidationError, model: type[BaseModel], key: str = "") -> list[Problem]:
    """Translate pydantic's errors.

    Args:
        error: The errors.
        model: The class that was validated.
        key: Where in the config it stands; empty for the whole config.

    Returns:
        One problem an error, with the full key.
    """
    problems = []
    for detail in error.errors():
        location = _keys_in(detail["loc"])
        name = ".".join(filter(None, [key, *map(str, location)]))
        problems.append(Problem(name or "config", _explain(dict(detail), model)))
    return problems


def _keys_in(location: Sequence[int | str]) -> list[int | str]:
    """Return a location without what pydantic and `PerplexityModel` put into it."""
    return [part for part in location if not _TAG.fullmatch(str(part))]


def _explain(detail: dict[str, Any], model: type[BaseModel]) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        *above, key = _keys_in(detail["loc"])
        keys = _keys_of(model, above)
        near = difflib.get_close_matches(str(key), keys, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the keys here are {', '.join(keys)}"
        return f"unknown key: {hint}"
    if kind == "missing":
        return "is required: set it"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    return f"{_lower_first(detail['msg'].removeprefix('Input '))}, and is {value!r}"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _keys_of(model: type[BaseModel], above: Sequence[int | str]) -> list[str]:
    named = False  # whether the next key is a name that the user has given
    for key in above:
        if named:
            named = False
            continue
        annotation = model.model_fields[str(key)].annotation
        named = get_origin(annotation) is dict
        model = next(kind for kind in _kinds(annotation) if _is_block(kind))
    return list(model.model_fields)


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield a type and all that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _is_block(kind: Any) -> TypeGuard[type[BaseModel]]:
    """Tell whether a type is that of a block of keys."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _valid_blocks(content: dict[str, Any]) -> dict[str, Any]:
    """Return the valid blocks and values of a config that may have others that are not."""
    blocks = {}
    for name, field in Config.model_fields.items():
        if name not in content:
            if not field.is_required():
                blocks[name] = field.default
            continue
        try:
            blocks[name] = TypeAdapter(field.rebuild_annotation()).validate_python(content[name])
        except ValidationError:
            continue
    return blocks


def _combination_problems(blocks: dict[str, Any]) -> list[Problem]:
    """Check what keys of different blocks mean together, as far as they are valid."""
    problems = []
    sampling: SamplingConfig | None = blocks.get("sampling")
    pairs: PairsConfig | None = blocks.get("pairs")
    evaluation: EvaluationConfig | None = blocks.get("evaluation")
    if sampling is not None and sampling.n < 2 and pairs is not None:
        problems.append(
            Problem(
                "sampling.n",
                f"is {sampling.n}, and a pair needs two responses to a prompt: set it to 2 or more,"
                " and temperature above 0",
            )
        )
    if sampling is not None and evaluation is not None:
        problems += _evaluation_problems(sampling, evaluation)
    problems += [Problem(key, text) for key, text in round_problems(blocks)]
    prompts: PromptsConfig | None = blocks.get("prompts")
    if prompts is not None and prompts.format == "text" and evaluation is not None:
        problems += _text_problems(evaluation)
    problems += preference_problems(blocks.get("preference"), blocks.get("pairs"))
    return problems + _training_problems(blocks)


def preference_problems(
    preference: PreferenceConfig | None, pairs: PairsConfig | None
) -> list[Problem]:
    """Check what the keys of `preference` and `pairs` mean together.

    Args:
        preference: The preference; None if there is none, or no valid one.
        pairs: The pairs; None if there are no valid ones.
    """
    problems = []
    if preference is not None and preference.judge is not None:
        try:
            _ = preference.judge.drawn
        except ValidationError as error:
            problems += schema_problems(error, SamplingConfig, "preference.judge.sampling")
    constraints = None if pairs is None else pairs.constraints
    bound = None if constraints is None else constraints.perplexity
    criterion = None if preference is None else preference.perplexity
    if bound and criterion and bound.model and bound.model != (criterion.model or bound.model):
        text = "is another model than preference.perplexity.model: name it in one place"
        problems.append(Problem("pairs.constraints.perplexity.model", text))
    return problems


def _evaluation_problems(sampling: SamplingConfig, evaluation: EvaluationConfig) -> list[Problem]:
    try:
        drawn = evaluation_sampling(sampling, evaluation)
    except ValidationError as error:
        return schema_problems(error, SamplingConfig, "evaluation.sampling")
    best_of_n = evaluation.best_of_n or 1
    if evaluation.reward_accuracy and max(best_of_n, drawn.n) < 2:
        return [
            Problem(
                "evaluation.reward_accuracy",
                "needs two or more responses of the base model to a held-out prompt, and there is"
                " one: set evaluation.best_of_n to 2 or more",
            )
        ]
    if best_of_n > 1 and drawn.temperature == 0:
        return [
            Problem(
                "evaluation.best_of_n",
                f"is {best_of_n}, but the evaluation's temperature 0 gives the same response every"
                " time: set it to null, or evaluation.sampling.temperature above 0",
            )
        ]
    return []


def _text_problems(evaluation: EvaluationConfig) -> list[Problem]:
    if "according_to" not in evaluation.baselines:
        return []
    text = "according_to asks by a system message, and prompts.format is text: leave it out"
    return [Problem("evaluation.baselines", text)]


def _training_problems(blocks: dict[str, Any]) -> list[Problem]:
    from quotetune.training.options import (
        check_dpo_options,
        check_lora_options,
        check_sft_options,
    )

    lines = []
    if blocks.get("lora") is not None:
        lines += check_lora_options(blocks["lora"])
    if "dpo" in blocks:
        lines += check_dpo_options(blocks["dpo"])
    absorb: AbsorbConfig | None = blocks.get("absorb")
    if absorb is not None:
        lines += check_sft_options(absorb.sft)
        if isinstance(absorb.lora, dict):
            lines += [f"absorb.{line}" for line in check_lora_options(absorb.lora)]
    return [Problem(key, text) for key, _, text in (line.partition(": ") for line in lines)]
