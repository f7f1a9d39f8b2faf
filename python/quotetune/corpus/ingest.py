"""Documents of any kind on their way into an index: files, rows, iterables."""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from quotetune import _core
from quotetune.corpus.inputs import ENDINGS, STDIN, expand_inputs
from quotetune.corpus.results import Document
from quotetune.corpus.rows import (
    ITERABLE,
    InvalidText,
    Keys,
    Row,
    is_path,
    iterable_rows,
    parquet_rows,
)
from quotetune.corpus.shards import Portion, Shard, portions
from quotetune.errors import QuotetuneError, QuotetuneWarning, UsageError

Documents: TypeAlias = (
    str
    | os.PathLike[str]
    | Iterable[str | Document | Mapping[str, Any]]
    | Iterable[os.PathLike[str]]
)
# Called with (phase, done, total), in bytes; total is 0 where nobody knows it.
Progress: TypeAlias = Callable[[str, int, int], None]

_NOTHING = object()
_MAX_THREADS = 1024
_LEAST_MEMORY = 256 << 20
_BATCH_CHARS = 4 << 20
_BATCH_ROWS = 4096


@dataclass
class Feed:
    """Documents that were found to be ones that can be read, not read yet."""

    files: list[Path] | None
    rest: Iterable[Any]
    keys: Keys
    shard: Shard | None
    meta_keys_named: bool

    def record_keys(self) -> "_core.RecordKeyTuple":
        """Give the fields of records as the core takes them."""
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
                    f"no document in {_names(self.files)}; give files with documents"
                )
        if builder.counts()[0] > 0:
            self._check_metadata(builder.unseen_keys())

    def _check_metadata(self, unseen: list[str]) -> None:
        """Say which metadata keys no document has.

        A record may lack a key, so that only the last one tells of a misspelt key. If there is
        none of what was asked for the command would have to be given again: then it ends here,
        before the structures are made, which takes longest. Where some of it is there the index
        is of use, and a warning is enough; so it is for a share of the files, the rest of which
        may have the keys, and for keys that were not named but are those of the index.
        """
        if not unseen:
            return
        names = ", ".join(map(repr, unseen))
        mend = "name fields of the records with --meta-keys (meta_keys), or leave it out"
        if len(unseen) == len(self.keys.metadata) and self.shard is None and self.meta_keys_named:
            raise QuotetuneError(f"no document has any metadata key of {names}; {mend}")
        warnings.warn(
            f"no document has the metadata key {names}; {mend}", QuotetuneWarning, stacklevel=4
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
    """Check documents, and how they are to be read, as `build_index` takes them."""
    metadata = (meta_keys,) if isinstance(meta_keys, str) else tuple(meta_keys)
    keys = Keys(text_key, id_key, source, source_key, metadata, errors)
    _check_keys(keys)
    files, rest = _split(documents)
    if shard is not None and (files is None or STDIN in files):
        raise UsageError("a shard is a share of files; give files, not documents or stdin")
    return Feed(files, rest, keys, shard, meta_keys_named)


def _split(documents: Any) -> tuple[list[Path] | None, Iterable[Any]]:
    """Tell files from documents: the files, or None and the documents."""
    if is_path(documents):
        return expand_inputs([documents]), ()
    if isinstance(documents, Mapping | bytes | Document) or not isinstance(documents, Iterable):
        hint = "; choose one split" if isinstance(documents, Mapping) else ""
        raise UsageError(
            f"documents is a {type(documents).__name__}{hint}; give a path or an iterable of "
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
        raise UsageError("source and source_key exclude each other; give one")
    if keys.errors not in ("strict", "replace", "skip"):
        raise UsageError(f"errors {keys.errors!r}; choose strict, replace or skip")


def check_threads(threads: int | None) -> int:
    """Give the core's number of threads: 0 for one a core."""
    if threads is not None and not 1 <= threads <= _MAX_THREADS:
        raise UsageError(f"threads is {threads}; choose 1 or more, at most {_MAX_THREADS}")
    return threads or 0


def check_segment_bytes(segment_bytes: int, most: int = _core.DEFAULT_SEGMENT_BYTES) -> int:
    """Give the bytes of a segment as they are, if they can be."""
    if not 1 <= segment_bytes <= most:
        raise UsageError(f"segment_bytes is {segment_bytes}; choose one from 1 to {most}")
    return segment_bytes


def check_memory_limit(memory_limit: int | None) -> int | None:
    """Give the bytes of memory to stay within as they are, if they can be."""
    if memory_limit is None:
        return None
    if not isinstance(memory_limit, int) or not _LEAST_MEMORY <= memory_limit < 1 << 60:
        raise UsageError(
            f"memory_limit is {memory_limit!r}; give a number of bytes, {_LEAST_MEMORY:,} or more"
        )
    return memory_limit


def _add_files(builder: _core.Builder, files: list[Portion], keys: Keys, report: Progress) -> None:
    known = all(portion.file != STDIN for portion in files)
    total = sum(portion.end - portion.start for portion in files) if known else 0
    before = 0
    for portion in files:
        file = portion.file

        def read(done: int, _: int = 0, before: int = before, portion: Portion = portion) -> None:
            report("read", before + max(0, min(done, portion.end) - portion.start), total)

        if file.name.endswith(".parquet"):
            _add_rows(builder, str(file), parquet_rows(file, keys), lambda _: None)
        else:
            builder.add_file(
                None if file == STDIN else file,
                format="text" if file.name.endswith(".txt") else "jsonl",
                default_source=_stem(file),
                id_prefix="",
                text_id="1" if keys.source is None else _stem(file),
                text_key=keys.text,
                id_key=keys.id,
                numbered=False,
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


def _stem(file: Path) -> str:
    if file == STDIN:
        return "stdin"
    known = [ending for ending in (*ENDINGS, ".json") if file.name.endswith(ending)]
    return file.name.removesuffix(max(known, key=len, default="")) or file.name


def _add_rows(
    builder: _core.Builder, name: str, rows: Iterable[Row | None], report: Callable[[int], None]
) -> None:
    """Hand rows to the core in batches; `report` is told the characters so far."""
    input = builder.input(name)
    batch: list[Row] = []
    chars = added = 0
    for row in rows:
        if row is None:
            builder.skip("invalid text", name, "choose --errors replace")
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


def silent(phase: str, done: int, total: int) -> None:
    """Report to nobody."""
