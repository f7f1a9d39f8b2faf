"""Arguments and options that several commands share, and readers of their values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="JSONL (.jsonl, .jsonl.gz, .jsonl.zst), Parquet or .txt files, folders or globs "
        "of these, or - for JSONL on standard input.",
    ),
]
TextKey = Annotated[str, typer.Option(help="Field of the text.")]
IdKey = Annotated[
    str | None,
    typer.Option(
        help="Field of the id, in every record.  [default: id if a record has it, otherwise its "
        "line]",
    ),
]
SourceKey = Annotated[
    str | None,
    typer.Option(
        help="Field of the source, in every record.  [default: source if a record has it, "
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
        help="Treatment of text that is not valid UTF-8.",
    ),
]
Threads = Annotated[int | None, typer.Option(help="Threads to work with.  [default: one per core]")]

MemoryLimit = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Memory to stay within, at least 256MiB, such as 4GiB. Segments are then smaller "
        "(compact without a limit makes them large again), and the filter is filled in parts.  "
        "[default: no limit]",
    ),
]
NewIndex = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Directory of the new index.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an index that exists at the output path.")
]
Records = Annotated[
    Path,
    typer.Argument(
        metavar="[INPUT]", help="JSONL with one text per record, or - for standard input."
    ),
]
RecordsOutput = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="JSONL file to write.  [default: standard output]"),
]
AsJsonl = Annotated[bool, typer.Option("--json", help="Print JSONL even on a terminal.")]
MinChars = Annotated[
    int | None,
    typer.Option(help="Length of the shortest quote in characters.  [default: the index's n]"),
]
MaxDocuments = Annotated[int, typer.Option(help="Documents to name per quote.")]
Policy = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="best, round-1, ...  [default: best, or the last one]"),
]
Overrides = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a key of the config, as in pairs.delta_quip=0.05.",
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
            f"memory limit {memory_limit!r}: give bytes, or a size such as 4GiB"
        ) from error


def listed(names: str) -> list[str]:
    """Split names at commas."""
    return [name.strip() for name in names.split(",") if name.strip()]


def check_format(format: str, choices: Sequence[str]) -> None:
    """Raise an error if --format is none of the choices."""
    from quotetune.errors import UsageError

    if format not in choices:
        *others, last = choices
        raise UsageError(f"--format is {format!r}: choose {', '.join(others)} or {last}")
