"""The config of a run that has trained a policy, and the policy to use."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from quotetune.config import Config, ModelConfig
from quotetune.config.file import read_yaml
from quotetune.config.validation import validate_block
from quotetune.errors import UsageError
from quotetune.models.files import is_adapter, is_model
from quotetune.runs.directory import BEST, RunDirectory
from quotetune.training.run import RECORD_NAME


@dataclass(frozen=True)
class TunedPolicy:
    """A policy of a run.

    Attributes:
        config: The run's config.
        name: `best`, `round-k`, or `base`, the original model with `model.adapter`, if any.
        directory: The adapter, or the whole model; None for a base model without adapter.
        model: The model that the adapter belongs to.
    """

    config: Config
    name: str
    directory: Path | None
    model: ModelConfig


def tuned_policy(run: Path, name: str | None = None) -> TunedPolicy:
    """Find the policy of a run that is used.

    Args:
        run: The run's directory; it may have been moved since.
        name: `base`, `best`, `round-k` or another directory of the run with an `adapter/`; None
            takes `best` if it exists, or else the last round that was trained.

    Returns:
        The policy.

    Raises:
        UsageError: There is no such run or policy.

    Example:
        >>> tuned_policy(Path("no/run"))
        Traceback (most recent call last):
        quotetune.errors.UsageError: no/run: has no config.yaml, so it is not the directory of a \
run: correct the path
    """
    path = RunDirectory(run).config_file
    if not path.is_file():
        raise UsageError(
            f"{run}: has no {path.name}, so it is not the directory of a run: correct the path"
        )
    # Its `dpo` and `lora` were checked before the run. Checking them again would import TRL.
    try:
        config = validate_block(Config, "", read_yaml(path)).model_copy(update={"run": run})
    except UsageError as error:
        raise UsageError(f"{path}: not the config of a run: {error}") from error
    if name == "base":
        return TunedPolicy(config, name, config.model.adapter, config.model)
    found = policies(run)
    if not found:
        raise UsageError(
            f"{run}: no round has been trained yet: run `quotetune train`, or use --policy base"
        )
    if name is None:
        name = BEST if BEST in found else list(found)[-1]
    if name not in found:
        names = ", ".join(["base", *found])
        raise UsageError(f"--policy {name}: {run} has no such policy: use one of {names}")
    return TunedPolicy(config, name, found[name], _model_below(found[name], config.model))


def policies(run: Path) -> dict[str, Path]:
    """Return the directories that the training of a run wrote, by name, the last round last."""
    directory = RunDirectory(run)
    found = {name: path for name, path in directory.all_trained().items() if _is_policy(path)}
    if _is_policy(directory.best):
        found[BEST] = directory.best
    return dict(sorted(found.items(), key=lambda item: _round(item[0])))


def _is_policy(directory: Path) -> bool:
    return is_adapter(directory) or is_model(directory)


def _round(name: str) -> int:
    number = re.fullmatch(r"round-(\d+)", name)
    return int(number[1]) if number else 0


def _model_below(policy: Path, model: ModelConfig) -> ModelConfig:
    """Return an adapter's model: the one of the config, or one that an earlier stage made."""
    record = policy / RECORD_NAME
    if not record.is_file():
        return model
    try:
        return ModelConfig(**json.loads(record.read_text(encoding="utf-8"))["job"]["model"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{record}: does not say which model was trained: train again, or delete it if the"
            f" adapter belongs to {model.path}"
        ) from error
