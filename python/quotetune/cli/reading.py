"""What commands read: options for documents, and what is taken from a run's config."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="JSONL (.jsonl, .jsonl.gz, .jsonl.zst), Parquet or .txt files, folders or globs "
        "of those, or - for JSONL on standard input.",
    ),
]
TextKey = Annotated[str, typer.Option(help="Field of the text.")]
IdKey = Annotated[
    str | None,
    typer.Option(
        help="Field of the id, in every record.  [default: id where a record has it, "
        "otherwise its line]",
    ),
]
SourceKey = Annotated[
    str | None,
    typer.Option(
        help="Field of the source, in every record.  [default: source where a record has it, "
        "otherwise the file's stem]",
    ),
]
Source = Annotated[str | None, typer.Option(help="One source for all documents.")]
MetaKeys = Annotated[
    str,
    typer.Option(
        metavar="A,B,...",
        help="Fields to keep and to show with quotes, such as title,url.",
    ),
]
Errors = Annotated[
    str,
    typer.Option(
        metavar="strict|replace|skip",
        help="What to do with text that is not valid UTF-8.",
    ),
]
Threads = Annotated[int | None, typer.Option(help="Threads to work on.  [default: one a core]")]

MemoryLimit = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory to stay within, such as 4GiB, 256MiB or more: smaller segments (compact "
        "without a limit makes them large), and a filter that is filled in parts.  "
        "[default: what it takes]",
    ),
]


def in_bytes(memory_limit: str | None) -> int | None:
    """Read a size such as 4GiB."""
    from pydantic import ByteSize, TypeAdapter, ValidationError

    from quotetune.errors import UsageError

    if memory_limit is None:
        return None
    try:
        return TypeAdapter(ByteSize).validate_python(memory_limit)
    except ValidationError as error:
        raise UsageError(
            f"memory limit {memory_limit!r}; give bytes, or a size such as 4GiB"
        ) from error


def listed(names: str) -> list[str]:
    """Split names at commas."""
    return [name.strip() for name in names.split(",") if name.strip()]


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
        raise UsageError(f"seed: is {found!r}: set it to a whole number, 0 or more")
    return found


def prompts_named(path: Path, content: dict[str, Any], index: Path) -> "list[Prompt]":
    """Read prompts: those that a run has written, or a file of them as a run reads it.

    Args:
        path: The file.
        content: A run's config, with its blocks prompts, model and sampling.
        index: The index of the corpus, for passages in prompts.

    Returns:
        The prompts, cut to their prefix and with their passages if the config says so.

    Raises:
        UsageError: A prompt or a block is not valid.
    """
    from quotetune.config import ModelConfig, PromptsConfig, SamplingConfig
    from quotetune.config.validation import validate_block
    from quotetune.prompts.prompt import are_written, load_prompts
    from quotetune.prompts.reading import read_prompts
    from quotetune.prompts.split import grounded, read_sources

    if path.exists() and are_written(path):
        return load_prompts(path)
    settings = validate_block(PromptsConfig, "prompts", content["prompts"] | {"path": path})
    if settings.prefix_tokens is None:
        sources = read_prompts(path, settings)
    else:
        model = validate_block(ModelConfig, "model", content["model"])
        sampling = validate_block(SamplingConfig, "sampling", content["sampling"])
        sources = read_sources(settings, model, sampling.max_tokens)
    prompts = [source.prompt for source in sources]
    if settings.context is not None:
        [prompts] = grounded([prompts], sources, settings, index)
    return prompts
