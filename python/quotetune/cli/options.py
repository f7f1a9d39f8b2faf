"""Arguments and options that several commands share, and readers of their values."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

_FILES = (
    "JSONL (.jsonl, .ndjson, .json) or text (.txt) files, also compressed (.gz, .zst, .bz2, .xz), "
    "Parquet files, folders or globs of these"
)
_INPUTS = typer.Argument(metavar="INPUT...", help=f"{_FILES}, or - for standard input.")
FileInputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help=f"{_FILES}.")]
Inputs = Annotated[list[str], _INPUTS]
CorpusIfAny = Annotated[list[str] | None, _INPUTS]
TextKey = Annotated[str, typer.Option(help="Field of the text.")]
IdKey = Annotated[
    str | None,
    typer.Option(
        help="Field of the id, in every record; none: always its line.  [default: id if a "
        "record has it, otherwise its line]",
    ),
]
SourceKey = Annotated[
    str | None,
    typer.Option(
        help="Field of the source, in every record.  [default: source if a record has it, "
        "otherwise the file's name, below a folder its path there]",
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
        help="Treatment of bad records. strict: an error. replace: an error, but invalid UTF-8 "
        "becomes U+FFFD. skip: leave them out, and count them.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="jsonl|text|parquet", help="Format of all files.  [default: by their names]"
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder that default sources are relative to."),
]
Duplicates = Annotated[
    str,
    typer.Option(
        metavar="error|first",
        help="Treatment of documents whose source and id occurred before. first: leave them out, "
        "and count them.",
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
_NEW_INDEX = typer.Option("--output", "-o", metavar="DIR", help="Directory of the new index.")
NewIndex = Annotated[Path, _NEW_INDEX]
NewIndexIfAny = Annotated[Path | None, _NEW_INDEX]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an index that exists at the output path.")
]
Records = Annotated[
    Path,
    typer.Argument(
        metavar="[INPUT]",
        help="JSONL or Parquet, one text per record, or a text file; - for JSONL on stdin.",
    ),
]
RecordErrors = Annotated[
    str,
    typer.Option(
        "--errors",
        metavar="strict|skip",
        help="Treatment of records without a text. skip: write null and the problem.",
    ),
]
RecordsOutput = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="JSONL file to write.  [default: standard output]"),
]
CorpusOutput = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="DIR", help="New directory of report.json and corpus/."),
]
Ignored = Annotated[
    str,
    typer.Option(
        metavar="squash|fold|fold-case",
        help="Differences that do not count. squash: white space. fold: typography, too. "
        "fold-case: case, too.",
    ),
]
AsJsonl = Annotated[bool, typer.Option("--json", help="Print JSONL even on a terminal.")]
MinChars = Annotated[
    int | None,
    typer.Option(help="Length of the shortest quote in characters.  [default: the index's n]"),
]
MinCited = Annotated[
    int | None,
    typer.Option(
        help="Length of the shortest quote in characters.  [default: 40, with --all the index's n]"
    ),
]
AllQuotes = Annotated[
    bool,
    typer.Option(
        "--all",
        help="Mark every quote, also where quotes overlap, and list the most specific ones first: "
        "those with the fewest occurrences in the corpus, then the longest.",
    ),
]
MaxDocuments = Annotated[int, typer.Option(help="Documents to name per quote.")]
Reasoning = Annotated[
    tuple[str, str] | None,
    typer.Option(
        metavar="START END",
        help="Marks around thoughts, such as '<think>' '</think>'. Only what follows the last END "
        "is looked at. Places are those in the whole text.",
    ),
]
Policy = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="best, round-1, ...  [default: best, or the last one]"),
]


def set_option(example: str) -> Any:
    """Return the option that changes a key of a config, with an example for the help."""
    return typer.Option(
        "--set", metavar="KEY=VALUE", help=f"Change a key of the config, as in {example}."
    )


Overrides = Annotated[list[str], set_option("pairs.delta_quip=0.05")]
EvaluationOverrides = Annotated[list[str], set_option("evaluation.perplexity.path=DIR")]
SamplingOverrides = Annotated[list[str], set_option("sampling.temperature=0.3")]


def number(option: str, value: str | None) -> int | None:
    """Read a number such as 1e9."""
    from quotetune.errors import UsageError

    if value is None:
        return None
    try:
        exact = Decimal(value)
        whole = int(exact)
    except (ArithmeticError, ValueError) as error:
        raise UsageError(f"{option} is {value!r}: give a number such as 1e9") from error
    if whole != exact:
        raise UsageError(f"{option} is {value!r}: give a whole number, such as 1e9")
    return whole


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


def paths(inputs: Sequence[str]) -> list[Path]:
    """Return the inputs as paths."""
    from quotetune.errors import UsageError

    if "" in inputs:  # as a path it would be the current directory
        raise UsageError("an input has no name: give a file, a folder or a glob")
    return [Path(name) for name in inputs]


def listed(names: str) -> list[str]:
    """Split names at commas."""
    return [name.strip() for name in names.split(",") if name.strip()]


def check_format(format: str, choices: Sequence[str]) -> None:
    """Raise an error if --format is none of the choices."""
    from quotetune.errors import UsageError

    if format not in choices:
        *others, last = choices
        raise UsageError(f"--format is {format!r}: choose {', '.join(others)} or {last}")
