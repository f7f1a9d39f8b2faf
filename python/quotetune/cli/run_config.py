"""Values of a command that come from an option, or else from a run's config."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quotetune.config import ModelConfig
    from quotetune.prompts.prompt import Prompt


def index_named(index: Path | None, content: dict[str, Any]) -> Path:
    """Return the index that is given, else that of a run's config."""
    from quotetune.errors import UsageError

    found = index or content.get("index")
    if not isinstance(found, str | Path):
        raise UsageError("no index is given: name it with --index, or a run with --config")
    return Path(found)


def seed_named(seed: int | None, content: dict[str, Any]) -> int:
    """Return the seed that is given, else that of a run's config, else 0."""
    from quotetune.errors import UsageError

    found = content.get("seed", 0) if seed is None else seed
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise UsageError(f"seed: is {found!r}: set it to an integer, 0 or more")
    return found


def clock_named(content: dict[str, Any]) -> Path | None:
    """Return the file of the time that chat templates read in a run; None if it has none yet."""
    from quotetune.runs.directory import RunDirectory

    run = content.get("run")
    clock = RunDirectory(Path(run)).clock_file if isinstance(run, str | Path) else None
    return clock if clock is not None and clock.exists() else None


def policy_named(
    model: str | None, adapter: Path | None, block: dict[str, Any], overrides: Sequence[str]
) -> "tuple[ModelConfig, Path | None]":
    """Return the model and the adapter that are given, else those of a run's config.

    Args:
        model: `--model`. The adapter of the config belongs to another model, and is left out.
        adapter: `--adapter`, which takes the place of `model.adapter`.
        block: The config's block `model`, with the overrides.
        overrides: `--set` options.

    Raises:
        UsageError: The block is not valid.
    """
    from quotetune.config import RunModelConfig
    from quotetune.config.file import apply_overrides
    from quotetune.config.validation import validate_block

    if model is not None:
        alone = apply_overrides({}, overrides).get("model", {})
        block = block | {"path": model, "adapter": alone.get("adapter")}
    found = validate_block(RunModelConfig, "model", block)
    return found, adapter or found.adapter


def prompts_named(path: Path, content: dict[str, Any], index: Path | None) -> "list[Prompt]":
    """Read prompts that a run wrote, or a file of prompts as a run reads it.

    Args:
        path: The file.
        content: A run's config, with its blocks prompts, model and sampling.
        index: The index of the corpus, for passages in prompts; None if the command has none.

    Returns:
        The prompts, cut to their prefix and with their passages if the config says so.

    Raises:
        UsageError: A prompt or a block is not valid.
    """
    from quotetune.config import PromptsConfig, RunModelConfig, SamplingConfig
    from quotetune.config.validation import validate_block
    from quotetune.errors import UsageError
    from quotetune.prompts.prompt import are_written, load_prompts
    from quotetune.prompts.reading import read_prompts
    from quotetune.prompts.split import grounded, read_sources

    if path.exists() and are_written(path):
        return load_prompts(path)
    settings = validate_block(PromptsConfig, "prompts", content["prompts"] | {"path": path})
    if settings.prefix_tokens is None:
        sources = read_prompts(path, settings)
    else:
        model = validate_block(RunModelConfig, "model", content["model"])
        sampling = validate_block(SamplingConfig, "sampling", content["sampling"])
        sources = read_sources(settings, model, sampling.max_tokens)
    prompts = [source.prompt for source in sources]
    if settings.context is None:
        return prompts
    if index is None:
        raise UsageError(
            "prompts.context: sample opens no index, which passages come from: set it to null, use"
            " `quotetune train CONFIG --until sample`, or give the prompts that a run wrote"
        )
    [prompts] = grounded([prompts], sources, settings, index)
    return prompts
