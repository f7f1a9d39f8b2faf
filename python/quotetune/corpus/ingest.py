"""Hand documents of any kind to a build: files, tables, rows, iterables."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, TypeAlias

from quotetune import _core
from quotetune.corpus.files import corpus_files, default_names
from quotetune.corpus.formats import FORMATS, STDIN, Format
from quotetune.corpus.inputs import InputFile, Inputs, expand_inputs, unicode_name
from quotetune.corpus.notices import SkippedRecords, UnseenKeys
from quotetune.corpus.progress import Progress
from quotetune.corpus.results import Document
from quotetune.corpus.rows import (
    ITERABLE,
    NO_ID_KEY,
    BadRecordError,
    BadRecords,
    Keys,
    Row,
    iterable_rows,
)
from quotetune.corpus.shards import Portion, Shard, portions
from quotetune.corpus.tables import is_table, parquet_rows, table_rows
from quotetune.errors import QuotetuneError, QuotetuneWarning, UsageError
from quotetune.runtime.plural import counted

Documents: TypeAlias = (
    str
    | os.PathLike[str]
    | Iterable[str | Document | Mapping[str, Any]]
    | Iterable[os.PathLike[str]]
    | Inputs
)
Duplicates: TypeAlias = Literal["error", "first"]
# How the default source of a document is made, as the manifest records it; an index without a
# record has the stems of the files' names.
PATHS = "path"
_NOTHING = object()
_BATCH_CHARS = 4 << 20
_BATCH_ROWS = 4096


@dataclass(frozen=True)
class Reading:
    """How documents are read, beside their fields.

    Attributes:
        format: Format of all files; None lets each file's name decide.
        root: Folder that default sources are relative to.
        duplicates: Whether a second document of one (source, id) is an `error`, or only the
            `first` one is taken.
        identity: How the default source is made: `path`, or None for stems.
    """

    format: Format | None = None
    root: str | os.PathLike[str] | None = None
    duplicates: Duplicates = "error"
    identity: str | None = PATHS


@dataclass
class Feed:
    """Documents that are checked, but not read yet."""

    inputs: Inputs | None
    rest: Any
    keys: Keys
    shard: Shard | None
    meta_keys_named: bool
    reading: Reading

    def record_keys(self) -> "_core.RecordKeyTuple":
        """Return the fields of records in the form that the core takes."""
        return self.keys.text, self.keys.id, self.keys.source_key, list(self.keys.metadata)

    def into(self, builder: _core.Builder, report: Progress) -> None:
        """Hand all documents to a build."""
        if self.inputs is None:
            rows = (table_rows if is_table(self.rest) else iterable_rows)(self.rest, self.keys)
            _add_rows(builder, ITERABLE, rows, lambda done: report("read", done, 0))
        else:
            files = corpus_files(self.inputs, self.keys)
            self._add_files(builder, portions(files, self.shard), report)
            documents, _, *left_out = builder.counts()
            if documents == sum(left_out) == 0 and self.shard is None:
                raise no_document(files)
        for reason, count, place in builder.skipped():
            warnings.warn(SkippedRecords(reason, count, place), stacklevel=3)
        documents, _, _, duplicates = builder.counts()
        if duplicates:
            repeated = counted(duplicates, "document")
            warnings.warn(
                f"{repeated} skipped, of a source and id that occurred before",
                QuotetuneWarning,
                stacklevel=3,
            )
        if documents > 0:
            self._check_metadata(builder.unseen_keys())

    def _add_files(self, builder: _core.Builder, files: list[Portion], report: Progress) -> None:
        known = all(portion.file.path != STDIN for portion in files)
        total = sum(portion.end - portion.start for portion in files) if known else 0
        before = 0
        for portion in files:
            path = portion.file.path

            def read(
                done: int, _: int = 0, before: int = before, portion: Portion = portion
            ) -> None:
                report("read", before + max(0, min(done, portion.end) - portion.start), total)

            self._add_file(builder, portion, read)
            if path != STDIN:
                read(portion.end)
                before += portion.end - portion.start

    def _add_file(
        self, builder: _core.Builder, portion: Portion, read: Callable[[int, int], None]
    ) -> None:
        keys, file = self.keys, portion.file
        source, id_prefix, text_id = default_names(
            file, keys.source, by_path=self.reading.identity is not None
        )
        if file.format == "parquet":
            rows = parquet_rows(file.path, keys, source, id_prefix)
            _add_rows(builder, unicode_name(str(file.path)), rows, lambda _: None)
            return
        builder.add_file(
            None if file.path == STDIN else file.path,
            format=file.format,
            default_source=source,
            id_prefix=id_prefix,
            text_id=text_id,
            text_key=keys.text,
            id_key=keys.id,
            numbered=keys.numbered,
            source=keys.source,
            source_key=keys.source_key,
            metadata_keys=list(keys.metadata),
            errors=keys.errors,
            lines=None if portion.whole else (portion.start, portion.end),
            progress=read,
        )

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
        notice = UnseenKeys(unseen)
        if len(unseen) == len(self.keys.metadata) and self.shard is None and self.meta_keys_named:
            raise QuotetuneError(notice.as_error())
        warnings.warn(notice, stacklevel=4)


def feed(
    documents: Documents,
    keys: Keys,
    reading: Reading,
    shard: Shard | None = None,
    meta_keys_named: bool = True,
) -> Feed:
    """Check the documents, and how they are read, before anything is read."""
    check_reading(keys, reading)
    inputs, rest = _split(documents, reading)
    on_stdin = inputs is not None and any(file.path == STDIN for file in inputs.files)
    if shard is not None and (inputs is None or on_stdin):
        raise UsageError("a shard is a part of files: give files, not documents or stdin")
    return Feed(inputs, rest, keys, shard, meta_keys_named, reading)


def keys_of(
    text_key: str,
    id_key: str | None,
    source: str | None,
    source_key: str | None,
    meta_keys: str | Sequence[str],
    errors: BadRecords,
) -> Keys:
    """Return the fields of records, as `build_index` takes them."""
    metadata = (meta_keys,) if isinstance(meta_keys, str) else tuple(meta_keys)
    numbered = id_key == NO_ID_KEY
    id_key = None if numbered else id_key
    return Keys(text_key, id_key, source, source_key, metadata, errors, numbered)


def _split(documents: Any, reading: Reading) -> tuple[Inputs | None, Any]:
    """Return the files that the argument names, or None and the documents that it contains."""
    if isinstance(documents, Inputs):
        return documents, ()
    if isinstance(documents, str | os.PathLike):
        return expand_inputs([documents], reading.format, reading.root), ()
    if is_table(documents):
        return None, documents
    if hasattr(documents, "with_format"):  # `datasets` gives arrays or tables if it was told to
        documents = documents.with_format(None)
    if isinstance(documents, Mapping | bytes | Document) or not isinstance(documents, Iterable):
        hint = "a table, one split of it, " if isinstance(documents, Mapping) else ""
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
        return expand_inputs(everything, reading.format, reading.root), ()
    return None, everything


def check_reading(keys: Keys, reading: Reading) -> None:
    """Refuse choices that are none."""
    if keys.source is not None and keys.source_key is not None:
        raise UsageError("source and source_key exclude each other: give one")
    for name, value, choices in (
        ("errors", keys.errors, ("strict", "replace", "skip")),
        ("duplicates", reading.duplicates, ("error", "first")),
        ("format", reading.format or FORMATS[0], FORMATS),
    ):
        if value not in choices:
            *others, last = choices
            raise UsageError(f"{name} is {value!r}: choose {', '.join(others)} or {last}")


def _add_rows(
    builder: _core.Builder,
    name: str,
    rows: Iterable[Row | BadRecordError],
    report: Callable[[int], None],
) -> None:
    """Hand rows to the core in batches, and report the characters so far."""
    input = builder.input(name)
    batch: list[Row] = []
    chars = added = 0
    for row in rows:
        if isinstance(row, BadRecordError):
            # What came before it counts for the core's rule about the first records.
            builder.add(input, batch)
            batch = []
            builder.skip(row.reason, row.place, row.remedy)
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


def no_document(files: list[InputFile]) -> QuotetuneError:
    """Return the error of a corpus that is empty."""
    places = _names(files) or "the files that are left"
    return QuotetuneError(f"no document in {places}: give files with documents")


def _names(files: list[InputFile]) -> str:
    names = ["stdin" if file.path == STDIN else str(file.path) for file in files]
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
