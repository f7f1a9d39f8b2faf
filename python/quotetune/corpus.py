"""Build an index from files, datasets or any documents that Python can iterate over."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from quotetune import _core
from quotetune.errors import QuotetuneError, UsageError
from quotetune.index import Index
from quotetune.inputs import STDIN, expand_inputs
from quotetune.results import Document
from quotetune.rows import ITERABLE, InvalidText, Keys, Row, is_path, iterable_rows, parquet_rows

Documents: TypeAlias = (
    str
    | os.PathLike[str]
    | Iterable[str | Document | Mapping[str, Any]]
    | Iterable[os.PathLike[str]]
)
# Called with (phase, done, total), in bytes; total is 0 where nobody knows it.
Progress: TypeAlias = Callable[[str, int, int], None]

_NOTHING = object()
_STRUCTURES = ("bloom", "suffix", "lean")
_MAX_N = 64
_MAX_THREADS = 1024
_BATCH_CHARS = 4 << 20
_BATCH_ROWS = 4096


def build_index(
    documents: Documents,
    output: str | os.PathLike[str],
    *,
    text_key: str = "text",
    id_key: str | None = None,
    source: str | None = None,
    source_key: str | None = None,
    meta_keys: str | Sequence[str] = (),
    errors: InvalidText = "strict",
    n: int = 25,
    normalization: str = "squash",
    structures: str | Sequence[str] = ("bloom", "suffix"),
    bits_per_ngram: float | None = None,
    fpr: float | None = None,
    threads: int | None = None,
    segment_bytes: int = _core.DEFAULT_SEGMENT_BYTES,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Index:
    """Build an index of a corpus.

    Everything is written to `OUTPUT.partial` and renamed when it is complete: a build that fails
    leaves nothing, and what a killed one leaves is replaced by the next. Memory: the Bloom filter
    (2 bytes a distinct n-gram), 5 bytes a byte of text for each segment that a thread works on,
    and some 70 bytes a document.

    Args:
        documents: A path (file, folder, glob; `-` for JSONL on stdin) or an iterable of
            `pathlib.Path`; or an iterable of documents: `str`, `Document`, or records (dicts),
            as a `datasets.Dataset` gives them.
        output: The directory to make.
        text_key: Field of the text in a record.
        id_key: Field of the id, a string or an integer, which every record then has. By default
            the field `id` where a record has it; otherwise the line in its file (from 1), or the
            position in an iterable (from 0).
        source: Source of all documents. A `.txt` file's id is then its stem instead of "1".
        source_key: Field of the source, which every record then has. By default the field
            `source` where a record has it; otherwise the file's stem, or "documents".
        meta_keys: Field or fields to keep as the documents' metadata.
        errors: What to do with text that is not valid Unicode: `strict` raises, `replace` puts
            U+FFFD in place of what is invalid, `skip` leaves the document out.
        n: Length of an n-gram in characters, 1 to 64.
        normalization: `squash` (white space as QUIP defines it) or `none`.
        structures: `bloom`, and `suffix` or `lean`. `lean` is a suffix index of a third of the
            size that finds quotes of n characters or more; shorter phrases are counted by reading
            the whole text. Without either no text is kept: there are scores, but no quotes, counts
            or documents.
        bits_per_ngram: Bits of the Bloom filter for each distinct n-gram; 16 by default.
        fpr: The Bloom filter's false-positive rate, instead of `bits_per_ngram`.
        threads: Threads to build with; one a core by default.
        segment_bytes: Bytes of text after which a new segment begins.
        overwrite: Replace an index that stands at `output`, when the new one is complete.
        progress: Called with (phase, bytes done, bytes in all or 0), phase `read` or `index`. What
            it raises ends the build.

    Returns:
        The index, open.

    Raises:
        UsageError: Options or inputs that cannot work; something stands at `output`.
        QuotetuneError: A malformed record, a duplicate (source, id), text that is not Unicode
            (each with file and line), or files that hold no document.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import Document
        >>> fox = Document("fables", "fox", "The quick brown fox jumps over the lazy dog.")
        >>> index = build_index([fox], mkdtemp() + "/index")
        >>> len(index), index.structures
        (1, ['bloom', 'suffix'])
    """
    metadata = (meta_keys,) if isinstance(meta_keys, str) else tuple(meta_keys)
    keys = Keys(text_key, id_key, source, source_key, metadata, errors)
    _check_keys(keys)
    files, rest = _split(documents)
    report = progress or _silent
    if not 1 <= n <= _MAX_N:
        raise UsageError(f"n is {n}; choose one from 1 to {_MAX_N}")
    builder = _core.Builder(
        output,
        n=n,
        normalization=normalization,
        bits_per_ngram=_filter_bits(structures, bits_per_ngram, fpr),
        suffixes=_suffixes(structures),
        threads=_check_threads(threads),
        segment_bytes=_check_segment_bytes(segment_bytes),
        overwrite=overwrite,
    )
    with closing(builder):
        if files is None:
            rows = iterable_rows(rest, keys)
            _add_rows(builder, ITERABLE, rows, lambda done: report("read", done, 0))
        else:
            _add_files(builder, files, keys, report)
            if builder.counts()[0] == 0:
                raise QuotetuneError(f"no document in {_names(files)}; give files with documents")
        builder.finish(lambda done, total: report("index", done, total))
    return Index.open(output)


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


def _check_threads(threads: int | None) -> int:
    if threads is not None and not 1 <= threads <= _MAX_THREADS:
        raise UsageError(f"threads is {threads}; choose 1 or more, at most {_MAX_THREADS}")
    return threads or 0


def _check_segment_bytes(segment_bytes: int) -> int:
    if not 1 <= segment_bytes <= _core.DEFAULT_SEGMENT_BYTES:
        raise UsageError(
            f"segment_bytes is {segment_bytes}; choose one from 1 to {_core.DEFAULT_SEGMENT_BYTES}"
        )
    return segment_bytes


def _suffixes(structures: Sequence[str]) -> str | None:
    """The suffix index to build, or None."""
    found = [name for name in ("suffix", "lean") if name in structures]
    if len(found) == 2:
        raise UsageError("structures has suffix and lean; choose one of them")
    return found[0] if found else None


def _filter_bits(
    structures: Sequence[str], bits_per_ngram: float | None, fpr: float | None
) -> float | None:
    """Bits of the filter for each distinct n-gram; None for no filter."""
    for structure in [structures] if isinstance(structures, str) else structures:
        if structure not in _STRUCTURES:
            raise UsageError(f"structure {structure!r}; choose bloom, suffix or lean")
    if bits_per_ngram is not None and fpr is not None:
        raise UsageError("bits_per_ngram and fpr exclude each other; give one")
    if "bloom" not in structures:
        if bits_per_ngram is not None or fpr is not None:
            raise UsageError("bits_per_ngram and fpr are the filter's; add bloom to structures")
        return None
    if fpr is None:
        return _core.DEFAULT_BITS_PER_NGRAM if bits_per_ngram is None else bits_per_ngram
    if not 0 < fpr < 1:
        raise UsageError(f"fpr is {fpr}; choose a rate between 0 and 1, such as 0.001")
    return _core.bits_for_fpr(fpr)


def _add_files(builder: _core.Builder, files: list[Path], keys: Keys, report: Progress) -> None:
    total = 0 if STDIN in files else sum(file.stat().st_size for file in files)
    before = 0
    for file in files:

        def read(done: int, _: int = 0, before: int = before) -> None:
            report("read", before + done, total)

        if file.name.endswith(".parquet"):
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
                progress=read,
            )
        if file != STDIN:
            before += file.stat().st_size
            read(0, before=before)


def _add_rows(
    builder: _core.Builder, name: str, rows: Iterable[Row | None], report: Callable[[int], None]
) -> None:
    """Hand rows to the core in batches; `report` is told the characters so far."""
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


def _silent(phase: str, done: int, total: int) -> None:
    """Report to nobody."""
