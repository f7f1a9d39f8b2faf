"""Check that responses fit the models, and that a training sees them, without loading a model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.config import Config, ModelConfig, SamplingConfig
from quotetune.config.problem import Problem, unknown
from quotetune.models.json_files import known_settings
from quotetune.sampling.engine_keys import AUTOMATIC, engine_keys

_TRL_MAX_LENGTH = 1024  # of trl.DPOConfig
_CONTEXTS = ("max_position_embeddings", "n_positions")
# Keys of the engine that say which model is loaded, as `model` does.
_OF_THE_MODEL = ("model", "revision", "trust_remote_code")


@dataclass(frozen=True)
class _Sampling:
    """A sampling of a run: its key, its own part of the config, and all of its settings."""

    key: str
    own: dict[str, Any]
    settings: SamplingConfig
    model_key: str
    model: ModelConfig


def length_problems(config: Config) -> list[Problem]:
    """Check the lengths of responses, and the keys of the engine, of all samplings of a run."""
    problems: list[Problem] = []
    for sampling in _samplings(config):
        problems += _engine(sampling)
        # An evaluation without lengths of its own has those of the run.
        if sampling.key != "evaluation.sampling" or {"max_tokens", "engine"} & sampling.own.keys():
            problems += _context(sampling)
    for key, options in config.dpo_blocks.items():
        problems += _trained(key, options, config)
    return problems


def length_notices(config: Config) -> list[str]:
    """Say that pairs may be truncated."""
    most = config.sampling.max_tokens + config.model.thought_tokens
    thoughts = " with its thoughts" if config.model.reasoning is not None else ""
    notices = []
    for key, options in config.dpo_blocks.items():
        limit = _limit(options)
        if limit is None or limit >= most or list(_trained(key, options, config)):
            continue
        notices.append(
            f"{key}.max_length: is {limit}, and a response{thoughts} has up to {most} tokens:"
            " longer pairs are truncated. Raise it, or set it to null, to train on all of their"
            " tokens"
        )
    return notices


def _samplings(config: Config) -> Iterator[_Sampling]:
    yield _Sampling(
        "sampling", config.sampling.model_dump(), config.sampling, "model", config.model
    )
    own = config.evaluation.sampling
    yield _Sampling("evaluation.sampling", own, config.evaluation_sampling, "model", config.model)
    judge = None if config.preference is None else config.preference.judge
    if judge is not None:
        key = "preference.judge"
        yield _Sampling(
            f"{key}.sampling", judge.sampling, judge.all_sampling, f"{key}.model", judge.model
        )


def _engine(sampling: _Sampling) -> Iterator[Problem]:
    known, given = engine_keys(), sampling.own.get("engine") or {}
    for name, value in given.items():
        key = f"{sampling.key}.engine.{name}"
        if name in _OF_THE_MODEL:
            text = f"cannot be set here, since {sampling.model_key} describes the model: remove it"
            yield Problem(key, text)
        elif known is not None and name not in known:
            yield Problem(key, unknown("vllm.LLM", name, known))
        elif name == "max_model_len" and not _is_bound(value):
            text = f"is {value!r}: set it to a whole number of 1 or more, to -1, which lets vLLM"
            text += " choose it, or leave it out"
            yield Problem(key, text)


def _is_bound(value: Any) -> bool:
    return value in (None, AUTOMATIC) or _is_length(value)


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _context(sampling: _Sampling) -> Iterator[Problem]:
    """Yield a problem if a response and a prompt of one token do not fit."""
    bound = f"{sampling.key}.engine.max_model_len"
    context = sampling.settings.engine.get("max_model_len")
    if context in (None, AUTOMATIC):
        bound = "the model's context"
        context = _of_model(Path(sampling.model.path))
    if not _is_length(context):
        return
    thoughts, answer = sampling.model.thought_tokens, sampling.settings.max_tokens
    if thoughts + answer < context:
        return
    keys = {
        f"{sampling.key}.max_tokens": answer,
        f"{sampling.model_key}.reasoning.max_tokens": thoughts,
    }
    # What alone does not fit is at fault; otherwise, the longer one is.
    key = max(keys, key=lambda name: keys[name])
    other = next(name for name in keys if name != key)
    beside = f", with {other} {keys[other]}," if keys[other] else ""
    text = (
        f"is {keys[key]}, which{beside} leaves no room for a prompt in {bound} of {context}: lower"
        f" {'one of them' if beside else 'it'}"
    )
    yield Problem(key, text)


def _of_model(directory: Path) -> Any:
    settings = known_settings(directory)
    return next((settings[name] for name in _CONTEXTS if name in settings), None)


def _limit(options: Mapping[str, Any]) -> int | None:
    limit = options.get("max_length", _TRL_MAX_LENGTH)
    try:
        return None if limit is None else int(limit)
    except (TypeError, ValueError):
        return None  # which is a problem of its own


def _trained(block: str, options: Mapping[str, Any], config: Config) -> Iterator[Problem]:
    """Yield a problem if thoughts alone fill what a training sees of a pair.

    A response without thoughts is only shortened, as the notice says. The start of an answer is as
    good to learn as the whole, but thoughts without their answer are not what was ranked.
    """
    limit, thoughts = _limit(options), config.model.thought_tokens
    keeps_start = options.get("truncation_mode", "keep_start") == "keep_start"
    if limit is None or not thoughts or limit > thoughts or not keeps_start:
        return
    most = thoughts + config.sampling.max_tokens
    given = "" if "max_length" in options else " by default"
    text = (
        f"is {limit}{given}, but model.reasoning.max_tokens allows {thoughts} tokens of thoughts,"
        f" after which nothing of the answer is learned: set it above {most} or to null, or lower"
        " model.reasoning.max_tokens"
    )
    yield Problem(f"{block}.max_length", text)
