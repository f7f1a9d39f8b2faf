"""Export a run's policy: the adapter, or the model that it is merged into, with its card."""

import json
import shutil
from pathlib import Path

from quotetune.errors import QuotetuneError, UsageError
from quotetune.models.files import is_adapter, require_model
from quotetune.runs.finished import TunedPolicy
from quotetune.runs.stage import MANIFEST
from quotetune.runtime.child import run_child
from quotetune.runtime.whole_files import written_directory
from quotetune.training.model_card import merged_card
from quotetune.training.run import RECORD_NAME

_LOG = "merging.log"
# The record names paths of the machine that trained; only the run keeps it.
_LEFT_OUT = (RECORD_NAME, MANIFEST)


def export_policy(policy: TunedPolicy, output: Path, *, merge: bool) -> None:
    """Write a policy to a new directory, which appears when it is complete.

    Args:
        policy: The policy.
        output: The directory to create.
        merge: Whether to merge an adapter into its model; a whole model is copied as it is.

    Raises:
        UsageError: The directory exists, the policy is a base model without adapter, or the model
            to merge into is missing.
        QuotetuneError: The merge failed, or there is no room.
    """
    if policy.directory is None:
        raise UsageError("--policy base: the base model is not exported: use the one at model.path")
    merged = merge and is_adapter(policy.directory)
    if merged:
        require_model(policy.model)
    with written_directory(output) as directory:
        if merged:
            _merge(policy, policy.directory, directory)
        else:
            shutil.copytree(
                policy.directory,
                directory,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns(*_LEFT_OUT),
            )


def _merge(policy: TunedPolicy, adapter: Path, directory: Path) -> None:
    """Merge in a child process, which frees the memory of the model when it ends."""
    log = directory.with_name(f"{directory.name}.{_LOG}")
    job = directory.with_name(f"{directory.name}.json")
    description = {
        "model": policy.model.model_dump(),
        "adapter": str(adapter),
        "output": str(directory),
    }
    job.write_text(json.dumps(description), encoding="utf-8")
    try:
        run_child("quotetune.release.merge_worker", job, log, lambda _: None, name="merging")
    except QuotetuneError:
        job.unlink()
        raise
    job.unlink()
    log.unlink()
    card = adapter / "README.md"
    if card.is_file():
        text = merged_card(card.read_text(encoding="utf-8"), policy.model.path)
        (directory / "README.md").write_text(text, encoding="utf-8")
