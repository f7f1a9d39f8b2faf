"""Validate a whole config, and report all problems together before any work is done."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from quotetune.config import (
    CandidatesConfig,
    Config,
    EvaluationConfig,
    PairsConfig,
    PreferenceConfig,
    PromptsConfig,
    RunModelConfig,
    SamplingConfig,
    evaluation_sampling,
)
from quotetune.config.absorb import AbsorbConfig, is_whole
from quotetune.config.file import apply_overrides, read_yaml
from quotetune.config.open_blocks import dpo_problems, lora_problems, sft_problems
from quotetune.config.problem import Problem, report
from quotetune.config.rounds import dpo_by_key, round_problems
from quotetune.config.schema import schema_problems
from quotetune.errors import UsageError
from quotetune.metrics.row_names import FROM_PASSAGES

_Block = TypeVar("_Block", bound=BaseModel)


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config and check its keys and values.

    `quotetune.pipeline.preflight.check_inputs` checks that its files exist.

    Args:
        path: The YAML file.
        overrides: `--set` options, `a.b=c`.

    Returns:
        The validated config.

    Raises:
        UsageError: The config has problems. The message lists all of them, one per line.
    """
    content = apply_overrides(read_yaml(path), overrides)
    config, problems = validate(content)
    if config is None:
        raise UsageError(report(path, problems))
    return config


def validate(content: dict[str, Any]) -> tuple[Config | None, list[Problem]]:
    r"""Check the keys and values of a config, alone and together.

    Args:
        content: The content of the YAML file, with the overrides.

    Returns:
        The config, or None if there are problems; and the problems.

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
    """Validate one block of a config, for a command that needs only that block.

    Args:
        block: The block's class.
        name: The block's name.
        content: The block's content.

    Returns:
        The block.

    Raises:
        UsageError: The block has problems. The message lists all of them, one per line.

    Example:
        >>> validate_block(PairsConfig, "pairs", {"delta_quip": 0.2}).delta_quip
        0.2
    """
    try:
        return block.model_validate(content)
    except ValidationError as error:
        raise UsageError("\n  ".join(map(str, schema_problems(error, block, name)))) from error


def _valid_blocks(content: dict[str, Any]) -> dict[str, Any]:
    """Return the valid blocks and values of a config, without the invalid ones."""
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
    """Check the valid blocks of a config together."""
    problems = []
    sampling: SamplingConfig | None = blocks.get("sampling")
    pairs: PairsConfig | None = blocks.get("pairs")
    evaluation: EvaluationConfig | None = blocks.get("evaluation")
    if sampling is not None and sampling.drawn < 2 and pairs is not None:
        problems.append(
            Problem(
                "sampling.n",
                f"is {sampling.n}, but a pair needs two responses to a prompt: set it to 2 or more"
                + (", and temperature above 0" if sampling.temperature == 0 else ""),
            )
        )
    if sampling is not None and evaluation is not None:
        problems += _evaluation_problems(sampling, evaluation)
    problems += round_problems(blocks)
    prompts: PromptsConfig | None = blocks.get("prompts")
    if prompts is not None and evaluation is not None:
        problems += _baseline_problems(prompts, evaluation)
    problems += preference_problems(
        blocks.get("preference"), blocks.get("pairs"), blocks.get("candidates")
    )
    return problems + _training_problems(blocks) + _adapter_problems(blocks)


def preference_problems(
    preference: PreferenceConfig | None,
    pairs: PairsConfig | None,
    candidates: CandidatesConfig | None,
) -> list[Problem]:
    """Check the keys of `preference`, `pairs` and `candidates` together.

    Args:
        preference: The block `preference`; None if it is missing or not valid.
        pairs: The block `pairs`; None if it is not valid.
        candidates: The block `candidates`; None if it is not valid.
    """
    problems = []
    if preference is not None and preference.judge is not None:
        try:
            _ = preference.judge.all_sampling
        except ValidationError as error:
            problems += schema_problems(error, SamplingConfig, "preference.judge.sampling")
    constraints = None if pairs is None else pairs.constraints
    for name in ("perplexity", "answerability"):
        bound = getattr(constraints, name, None)
        criterion = getattr(preference, name, None)
        if bound and criterion and bound.model and bound.model != (criterion.model or bound.model):
            text = f"differs from preference.{name}.model: remove one of them"
            problems.append(Problem(f"pairs.constraints.{name}.model", text))
    if pairs is not None and pairs.own_margin is not None and candidates and not candidates.gold:
        text = (
            "is for the policy's own samples beside references, but all candidates are samples: set"
            " candidates.gold, or set only pairs.margin"
        )
        problems.append(Problem("pairs.own_margin", text))
    return problems


def _evaluation_problems(sampling: SamplingConfig, evaluation: EvaluationConfig) -> list[Problem]:
    try:
        drawn = evaluation_sampling(sampling, evaluation)
    except ValidationError as error:
        return schema_problems(error, SamplingConfig, "evaluation.sampling")
    if drawn.guide is not None and len(drawn.guide.strengths) > 1:
        text = "is a list, which is for the responses to train on: give one number"
        return [Problem("evaluation.sampling.guide.strength", text)]
    best_of_n = evaluation.best_of_n or 1
    if best_of_n == "training":
        best_of_n = sampling.drawn
    if evaluation.reward_accuracy and max(best_of_n, drawn.n) < 2:
        return [
            Problem(
                "evaluation.reward_accuracy",
                "needs two or more responses of the base model to each held-out prompt, but there"
                " is one: set evaluation.best_of_n to 2 or more",
            )
        ]
    if best_of_n > 1 and drawn.temperature == 0:
        return [
            Problem(
                "evaluation.best_of_n",
                f"is {best_of_n}, but temperature 0 of the evaluation always gives the same"
                " response: set it to null, or evaluation.sampling.temperature above 0",
            )
        ]
    return _same_as_base(evaluation, drawn)


def _same_as_base(evaluation: EvaluationConfig, drawn: SamplingConfig) -> list[Problem]:
    """Check that no baseline is drawn exactly as the base model's own row is."""
    if drawn.guide is not None:
        return []
    temperatures = {"temperature_0": 0.0, "temperature_0.3": 0.3}
    same = [name for name, value in temperatures.items() if value == drawn.temperature]
    return [
        Problem("evaluation.baselines", f"{name} is the base model's own row here: remove it")
        for name in [*same, "unguided"]
        if name in evaluation.baselines
    ]


def _baseline_problems(prompts: PromptsConfig, evaluation: EvaluationConfig) -> list[Problem]:
    problems = []
    baselines = evaluation.baselines
    if prompts.format == "text" and "according_to" in baselines:
        problems.append(
            "according_to needs a system message, but prompts.format is text: remove it"
        )
    if prompts.context is None:
        missing = ", ".join(name for name in FROM_PASSAGES if name in baselines)
        if missing:
            problems.append(
                f"{missing}: without prompts.context there are no passages: set it, or remove them"
            )
    repeated = [name for name in dict.fromkeys(baselines) if baselines.count(name) > 1]
    if repeated:
        problems.append(f"{repeated[0]} is there twice: remove one")
    return [Problem("evaluation.baselines", text) for text in problems]


def _training_problems(blocks: dict[str, Any]) -> list[Problem]:
    problems = []
    if blocks.get("lora") is not None:
        problems += lora_problems(blocks["lora"])
    for key, options in dpo_by_key(blocks.get("dpo", {})).items():
        problems += dpo_problems(options, key)
    absorb: AbsorbConfig | None = blocks.get("absorb")
    if absorb is not None:
        problems += sft_problems(absorb.sft)
        if isinstance(absorb.lora, dict):
            problems += lora_problems(absorb.lora, "absorb.lora")
    return problems


def _adapter_problems(blocks: dict[str, Any]) -> list[Problem]:
    """Check that all trainings of a run train the adapter that it starts with."""
    model: RunModelConfig | None = blocks.get("model")
    if model is None or model.adapter is None or "lora" not in blocks:
        return []
    remedy = (
        "merge model.adapter into the model with PEFT's merge_and_unload, and give the result as"
        " model.path"
    )
    if blocks["lora"] is None:
        text = (
            "is null, which trains all weights, but model.adapter is set: set it to {} to train the"
            f" adapter further, or {remedy}"
        )
        return [Problem("lora", text)]
    absorb: AbsorbConfig | None = blocks.get("absorb")
    if absorb is not None and is_whole(absorb, blocks["lora"]):
        text = (
            "differs from lora, but all stages train the one adapter of model.adapter: set it to"
            f" same, or {remedy}"
        )
        return [Problem("absorb.lora", text)]
    return []
