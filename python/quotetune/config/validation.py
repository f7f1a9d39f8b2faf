"""Validate a config at once: every problem is reported together, before any work is done."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

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
from quotetune.config.open_blocks import dpo_problems, lora_problems, sft_problems
from quotetune.config.problem import Problem, report
from quotetune.config.rounds import round_problems
from quotetune.config.schema import schema_problems
from quotetune.errors import UsageError

_Block = TypeVar("_Block", bound=BaseModel)


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config and check its keys and values.

    Whether its files are there is a question for `quotetune.pipeline.preflight.check_inputs`.

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
    problems += round_problems(blocks)
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
    problems = []
    if blocks.get("lora") is not None:
        problems += lora_problems(blocks["lora"])
    if "dpo" in blocks:
        problems += dpo_problems(blocks["dpo"])
    absorb: AbsorbConfig | None = blocks.get("absorb")
    if absorb is not None:
        problems += sft_problems(absorb.sft)
        if isinstance(absorb.lora, dict):
            problems += lora_problems(absorb.lora, "absorb.lora")
    return problems
