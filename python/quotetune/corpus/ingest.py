"""Hand documents of any kind to a build: files, rows, iterables."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from quotetune import _core
from quotetune.corpus.inputs import PARQUET, STDIN, expand_inputs
from quotetune.corpus.parquet import parquet_rows
from quotetune.corpus.progress import Progress
from quotetune.corpus.results import Document
from quotetune.corpus.rows import (
    ITERABLE,
    InvalidText,
    Keys,
    Row,
    iterable_rows,
)
from quotetune.corpus.shards import Portion, Shard, portions
from quotetune.errors import QuotetuneError, QuotetuneWarning, UsageError

Documents: TypeAlias = (
    str
    | os.PathLike[str]
    | Iterable[str | Document | Mapping[str, Any]]
    | Iterable[os.PathLike[str]]
)
_NOTHING = object()
_BATCH_CHARS = 4 << 20
_BATCH_ROWS = 4096


@dataclass
class Feed:
    """Documents that are checked, but not read yet."""

    files: list[Path] | None
    rest: Iterable[Any]
    keys: Keys
    shard: Shard | None
    meta_keys_named: bool

    def record_keys(self) -> "_core.RecordKeyTuple":
        """Return the fields of records in the form that the core takes."""
        return self.keys.text, self.keys.id, self.keys.source_key, list(self.keys.metadata)

    def into(self, builder: _core.Builder, report: Progress) -> None:
        """Hand all documents to a build."""
        if self.files is None:
            rows = iterable_rows(self.rest, self.keys)
            _add_rows(builder, ITERABLE, rows, lambda done: report("read", done, 0))
        else:
            _add_files(builder, portions(self.files, self.shard), self.keys, report)
            if builder.counts()[0] == 0 and self.shard is None:
                raise QuotetuneError(
                    f"no document in {_names(self.files)}: give files with documents"
                )
        if builder.counts()[0] > 0:
            self._check_metadata(builder.unseen_keys())

    def _check_metadata(self, unseen: list[str]) -> None:
        """Report the metadata keys that no document has.

        A record may lack a key, so a misspelt key is known only after the last record. If no
        document has any of the keys, the command must be repeated, so it ends before the structures
        are made, which takes longest. Otherwise a warning is enough. It is also enough for a shard,
        because other shards may have the keys, and for keys that were not given but are the
        index's own.
        """
        if not unseen:
            return
        names = ", ".join(map(repr, unseen))
        remedy = "name fields of the records with --meta-keys (meta_keys), or leave it out"
        if len(unseen) == len(self.keys.metadata) and self.shard is None and self.meta_keys_named:
            raise QuotetuneError(f"no document has any metadata key of {names}: {remedy}")
        warnings.warn(
            f"no document has the metadata key {names}: {remedy}", QuotetuneWarning, stacklevel=4
        )


def feed(
    documents: Documents,
    text_key: str,
    id_key: str | None,
    source: str | None,
    source_key: str | None,
    meta_keys: str | Sequence[str],
    errors: InvalidText,
    shard: Shard | None = None,
    meta_keys_named: bool = True,
) -> Feed:
    """Check the documents and the fields that `build_index` takes, before anything is read."""
    metadata = (meta_keys,) if isinstance(meta_keys, str) else tuple(meta_keys)
    keys = Keys(text_key, id_key, source, source_key, metadata, errors)
    _check_keys(keys)
    files, rest = _split(documents)
    if shard is not None and (files is None or STDIN in files):
        raise UsageError("a shard is a part of files: give files, not documents or stdin")
    return Feed(files, rest, keys, shard, meta_keys_named)


def _split(documents: Any) -> tuple[list[Path] | None, Iterable[Any]]:
    """Return the files that the argument names, or None and the documents that it contains."""
    if isinstance(documents, str | os.PathLike):
        return expand_inputs([documents]), ()
    if isinstance(documents, Mapping | bytes | Document) or not isinstance(documents, Iterable):
        hint = "one split of it, " if isinstance(documents, Mapping) else ""
        raise UsageError(
            f"documents is a {type(documents).__name__}: give {hint}a path or an iterable of "
            "documents"
        )
    iterator = iter(documents)
    first = next(iterator, _NOTHING)
    if first is _NOTHING:
        return None, iterator
    everything = chain([first], iterator)
    if isinstance(first, os.PathLike):
        return expand_inputs(everything), ()
    return None, everything


def _check_keys(keys: Keys) -> None:
    if keys.source is not None and keys.source_key is not None:
        raise UsageError("source and source_key exclude each other: give one")
    if keys.errors not in ("strict", "replace", "skip"):
        raise UsageError(f"errors is {keys.errors!r}: choose strict, replace or skip")


def _add_files(builder: _core.Builder, files: list[Portion], keys: Keys, report: Progress) -> None:
    known = all(portion.file != STDIN for portion in files)
    total = sum(portion.end - portion.start for portion in files) if known else 0
    before = 0
    for portion in files:
        file = portion.file

        def read(done: int, _: int = 0, before: int = before, portion: Portion = portion) -> None:
            report("read", before + max(0, min(done, portion.end) - portion.start), total)

        if file.name.endswith(PARQUET):
            _add_rows(builder, str(file), parquet_rows(file, keys), lambda _: None)
        else:
            builder.add_file(
                None if file == STDIN else file,
                text_key=keys.text,
                id_key=keys.id,
                source=keys.source,
                source_key=keys.source_key,
                metadata_keys=list(keys.metadata),
                errors=keys.errors,
                lines=None if portion.whole else (portion.start, portion.end),
                progress=read,
            )
        if file != STDIN:
            read(portion.end)
            before += portion.end - portion.start


def _add_rows(
    builder: _core.Builder, name: str, rows: Iterable[Row | None], report: Callable[[int], None]
) -> None:
    """Hand rows to the core in batches, and report the characters so far."""
    input = builder.input(name)
    batch: list[Row] = []
    chars = added = 0
    for row in rows:
        if row is None:
            builder.skip()
            continue
        batch.append(row)
        chars += len(row[2])
        if chars >= _BATCH_CHARS or len(batch) >= _BATCH_ROWS:
            builder.add(input, batch)
            batch = []
            added, chars = added + chars, 0
            report(added)
    builder.add(input, batch)
    report(added + chars)


def _names(files: list[Path]) -> str:
    names = ["stdin" if file == STDIN else str(file) for file in files]
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
