"""The format of a file: its first bytes decide what is Parquet, its name the rest."""

from pathlib import Path
from typing import Literal, TypeAlias

from quotetune import _core
from quotetune.errors import QuotetuneError

Format: TypeAlias = Literal["jsonl", "text", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "text", "parquet")
STDIN = Path("-")

_ENDINGS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "text",
    ".parquet": "parquet",
}
_COMPRESSIONS = (".gz", ".zst", ".zstd", ".bz2", ".xz")
# A text could start with the four letters; the first field of what comes next is this byte.
_PARQUET_MAGIC = b"PAR1\x15"
_SAMPLE_BYTES = 4096
KNOWN_FORMATS = (
    "JSONL (.jsonl, .ndjson, .json) and text (.txt), also compressed (.gz, .zst, .bz2, .xz), and "
    "Parquet (.parquet)"
)


def format_of_name(name: str) -> Format | None:
    """Return the format that the ending of a file's name means; None if it means none.

    Example:
        >>> format_of_name("C4.00.JSON.gz"), format_of_name("README.md")
        ('jsonl', None)
    """
    return _split(name)[1]


def stem(name: str) -> str:
    """Return a file's name without the ending of its format and compression.

    Example:
        >>> stem("c4.00.json.gz"), stem("report.txt"), stem("wiki_00")
        ('c4.00', 'report', 'wiki_00')
    """
    return _split(name)[0]


def is_compressed_name(name: str) -> bool:
    """Return whether the name says that the file is compressed."""
    return name.lower().endswith(_COMPRESSIONS)


def is_json_name(name: str) -> bool:
    """Return whether a name ends in `.json`, which many files have that are no corpus."""
    rest = name.lower()
    for compression in _COMPRESSIONS:
        rest = rest.removesuffix(compression)
    return rest.endswith(".json")


def _split(name: str) -> tuple[str, Format | None]:
    rest = name
    for compression in _COMPRESSIONS:
        if rest.lower().endswith(compression):
            rest = rest[: -len(compression)]
            break
    for ending, format in _ENDINGS.items():
        is_whole = rest == name  # Parquet has a compression of its own
        if rest.lower().endswith(ending) and (is_whole or format != "parquet"):
            return rest[: -len(ending)] or name, format
    return name, None


def is_parquet(path: Path) -> bool:
    """Return whether a file's first bytes are those of Parquet; a pipe is not looked into."""
    if path == STDIN or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC


def unknown_format(path: Path) -> str:
    """Describe a file whose name has no known ending: what it seems to be, and what to do."""
    try:
        start = _core.open_text(path).read(_SAMPLE_BYTES).lstrip()
    except QuotetuneError as error:
        return str(error)
    seems = ", and the content looks like JSON" if start[:1] in (b"{", b"[") else ""
    return (
        f"{path}: the name has no known ending{seems}: give --format jsonl or text; inputs are "
        f"{KNOWN_FORMATS}"
    )
