"""The parts of a data set: the files at a path, or the splits of a data set on the hub."""

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from quotetune.corpus.formats import format_of_name, is_parquet, stem
from quotetune.corpus.inputs import expand_inputs, unicode_name
from quotetune.corpus.records import objects
from quotetune.errors import QuotetuneError, QuotetuneWarning, UsageError, reason_of
from quotetune.preparation.columnar import arrow_records, parquet_records

Record = dict[str, Any]
Records = Iterator[tuple[str, Record]]

# As in `datasets`, a word of a file's name or of a folder's is its split.
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
_WORD = re.compile(r"[A-Za-z]+")
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class Part:
    """A part of a data set.

    Attributes:
        name: Its name for messages.
        split: Its split, such as `train`; None if its name says none.
        records: Reads its records, and yields the place of each and its fields.
        path: The file, if it is JSON.
    """

    name: str
    split: str | None
    records: Callable[[], Records]
    path: Path | None = None


def parts_of(source: str, subset: str | None = None) -> list[Part]:
    """List the parts of a data set.

    Args:
        source: A file, a folder or a glob (JSONL, JSON, Parquet, Arrow), or the name of a data set
            on the hub, which the library `datasets` streams.
        subset: The configuration of a data set on the hub.

    Returns:
        The files in the order of their names, or the splits.

    Raises:
        UsageError: There is no such file, or a file is of no known format.
        QuotetuneError: There is neither a file nor a data set of that name.
    """
    path = Path(source)
    is_name = _HUB_NAME.fullmatch(source) and format_of_name(source) is None
    if is_name and path.suffix != ".arrow" and not path.exists():
        return hub_parts(source, subset)
    if subset is not None:
        raise UsageError(f"{source}: is a file or a folder, which has no --subset: leave it out")
    arrow = sorted(path.rglob("*.arrow")) if path.is_dir() else [path]
    if arrow and all(file.suffix == ".arrow" and file.is_file() for file in arrow):
        return [_file_part(file, path) for file in arrow]
    inputs = expand_inputs([path])
    for notice in inputs.notices():
        warnings.warn(notice, QuotetuneWarning, stacklevel=2)
    texts = [file.path for file in inputs.files if file.format == "text"]
    if texts:
        raise UsageError(f"{texts[0]}: a text file is no data set: give JSON, Parquet or Arrow")
    return [_file_part(file.path, path) for file in inputs.files]


def name_of(source: str) -> str:
    """Return the name of a data set, which is the source of its documents.

    Example:
        >>> name_of("data/xquad.en.json.gz"), name_of("rajpurkar/squad"), name_of("./nq/")
        ('xquad.en', 'squad', 'nq')
    """
    path = Path(source)
    last = path.name or path.resolve().name
    name = last if path.is_dir() else stem(last).removesuffix(".arrow")
    return unicode_name(name)


def split_of(name: str) -> str | None:
    """Return the split that a name says: the last of its words that is one.

    Example:
        >>> split_of("dev-v2.0.json"), split_of("train/data-00000-of-00001.arrow"), split_of("nq")
        ('validation', 'train', None)
        >>> split_of("trainers.json") is None
        True
    """
    found = [_SPLITS[word] for word in _WORD.findall(name.lower()) if word in _SPLITS]
    return found[-1] if found else None


def hub_parts(source: str, subset: str | None) -> list[Part]:
    """List the splits of a data set that the library `datasets` finds under a name.

    Raises:
        UsageError: The library is not installed.
        QuotetuneError: It finds no data set.
    """
    try:
        import datasets
    except ImportError as error:
        raise UsageError(
            f"{source}: no such file or folder, and a data set of the hub needs datasets: check the"
            " path, or install quotetune[train]"
        ) from error
    try:
        loaded = datasets.load_dataset(source, name=subset, streaming=True)
    except Exception as error:  # what it raises depends on the hub and on its HTTP library
        reason = reason_of(error)
        raise QuotetuneError(
            f"{source}: no such file or folder, and no such data set could be loaded ({reason}):"
            " check the path, or the name and --subset, and go online"
        ) from error
    return [
        Part(f"{source} ({split})", split, partial(_hub, source, split, rows))
        for split, rows in loaded.items()
    ]


def _hub(source: str, split: str, rows: Any) -> Records:
    row = 0
    try:
        for record in rows:
            row += 1
            yield f"{source}/{split}:{row}", record
    except QuotetuneError:
        raise
    except Exception as error:
        reason = reason_of(error)
        raise QuotetuneError(
            f"{source}/{split}: could not be read after record {row} ({reason}): run the same"
            " command again"
        ) from error


def _file_part(path: Path, given: Path) -> Part:
    """Return the part that a file is; its split is that of its path below the given folder."""
    inner = path.relative_to(given) if given.is_dir() else Path(path.name)
    split = split_of(inner.as_posix())
    name = unicode_name(str(path))
    if path.suffix == ".arrow":
        return Part(name, split, lambda: arrow_records(path))
    if is_parquet(path):
        return Part(name, split, lambda: parquet_records(path))
    return Part(name, split, lambda: objects(path), path)
