"""Change an index: add documents, remove documents, merge indexes, merge segments."""

import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from quotetune import _core
from quotetune.corpus.formats import Format
from quotetune.corpus.index import Index
from quotetune.corpus.index_list import members_of, one_directory
from quotetune.corpus.ingest import Documents, Duplicates, Reading, feed, keys_of
from quotetune.corpus.limits import check_memory_limit, check_segment_bytes, check_threads
from quotetune.corpus.progress import Progress, in_phase, silent
from quotetune.corpus.rows import NO_ID_KEY, BadRecords
from quotetune.errors import UsageError
from quotetune.runtime.jsonl import is_unicode


def add(
    index: str | os.PathLike[str],
    documents: Documents,
    *,
    text_key: str | None = None,
    id_key: str | None = None,
    source: str | None = None,
    source_key: str | None = None,
    meta_keys: str | Sequence[str] | None = None,
    errors: BadRecords = "strict",
    format: Format | None = None,
    root: str | os.PathLike[str] | None = None,
    duplicates: Duplicates = "error",
    threads: int | None = None,
    segment_bytes: int = _core.DEFAULT_SEGMENT_BYTES,
    memory_limit: int | None = None,
    progress: Progress | None = None,
) -> Index:
    """Add documents to an index, after those that it has.

    Exact answers are then those of an index that was built from all documents in one go. All
    filters together stay within the index's false-positive rate. The change takes effect when it
    is complete, in one step; an `Index` that is open still answers as before.

    Args:
        index: The directory of the index.
        documents: As for `build_index`, like the next nine arguments. The fields are by default
            those that the index was built with.
        text_key: Field of the text in a record.
        id_key: Field of the id.
        source: Source of all documents.
        source_key: Field of the source.
        meta_keys: Field or fields to keep as metadata; `()` for none.
        errors: Treatment of bad records: `strict`, `replace` or `skip`.
        format: Format of all files.
        root: Folder that the default sources are relative to.
        duplicates: Treatment of documents whose source and id occurred before, in the index too:
            `error` or `first`.
        threads: Threads to work with; one per core by default.
        segment_bytes: Bytes of text of a full segment. When more than eight segments are less
            than half full, neighbours are merged.
        memory_limit: Bytes of memory to stay within, as for `build_index`. A full segment is then
            smaller.
        progress: As for `build_index`.

    Returns:
        The index as it is now, open.

    Raises:
        UsageError: An option or input is invalid, or another command is changing the index.
        QuotetuneError: As for `build_index`; or the index has a fuse filter, which cannot change,
            or already has a document with this (source, id), which only a suffix index can tell.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import Document, add, build_index
        >>> path = mkdtemp() + "/index"
        >>> _ = build_index([Document("fables", "fox", "The quick brown fox jumps.")], path)
        >>> index = add(path, [Document("fables", "dog", "The lazy dog sleeps.")])
        >>> len(index), index.count(["The "])
        (2, array([2]))
    """
    directory = one_directory(index)
    opened = Index.open(directory)
    if duplicates == "first" and not opened.has_suffix_index:
        raise UsageError(
            f"{index}: duplicates is 'first', but an index without a suffix index does not know "
            "its documents: leave the option out"
        )
    usual_text, usual_id, usual_source, usual_metadata = opened.record_keys
    if id_key is None:
        id_key = NO_ID_KEY if opened.is_numbered else usual_id
    keys = keys_of(
        usual_text if text_key is None else text_key,
        id_key,
        source,
        # One source for all documents replaces the field.
        usual_source if source_key is None and source is None else source_key,
        usual_metadata if meta_keys is None else meta_keys,
        errors,
    )
    reading = Reading(format, root, duplicates, opened.identity)
    given = feed(documents, keys, reading, meta_keys_named=meta_keys is not None)
    builder = _core.Builder.adding(
        directory,
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes),
        memory_limit=check_memory_limit(memory_limit),
        record_keys=given.record_keys(),
        numbered=keys.numbered,
        duplicates=duplicates,
    )
    with closing(builder):
        given.into(builder, progress or silent)
        builder.finish(in_phase(progress, "index"))
    return Index.open(index)


def remove(
    index: str | os.PathLike[str],
    source: str,
    ids: Iterable[str] | None = None,
    *,
    threads: int | None = None,
    segment_bytes: int = _core.DEFAULT_SEGMENT_BYTES,
    memory_limit: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Remove documents from an index: from traces, counts and scores, and from the disk.

    The segments that contain them and the filters over these segments are written again from the
    stored text. An index without a suffix index stores no text, so its documents cannot be removed.

    Args:
        index: The directory of the index.
        source: The documents' source.
        ids: The documents' ids; by default, all documents of the source are removed.
        threads: Threads to work with; one per core by default.
        segment_bytes: As for `add`.
        memory_limit: As for `add`.
        progress: As for `build_index`.

    Returns:
        The number of documents that were removed.

    Raises:
        UsageError: An option is invalid, or another command is changing the index.
        QuotetuneError: A document does not exist (then none is removed), or the index stores no
            text or has a fuse filter, which cannot change.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import Index, build_index, remove
        >>> path = mkdtemp() + "/index"
        >>> _ = build_index(["banana", "bandana"], path)
        >>> remove(path, "documents", ["0"])
        1
        >>> Index.open(path).count(["ana"])
        array([1])
    """
    if isinstance(ids, str):
        raise UsageError(f"ids is the str {ids!r}: give a list of ids")
    listed = None if ids is None else list(ids)
    for name in (source, *(listed or ())):
        if not isinstance(name, str) or not is_unicode(name):
            raise UsageError(f"source or id {name!r}: give strings of valid Unicode")
    return _core.remove(
        one_directory(index),
        source,
        listed,
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes),
        memory_limit=check_memory_limit(memory_limit),
        progress=in_phase(progress, "index"),
    )


def merge(
    indexes: Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    threads: int | None = None,
    segment_bytes: int = _core.DEFAULT_SEGMENT_BYTES,
    memory_limit: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Index:
    """Merge several indexes into a new one; they stay as they are.

    The new index has the documents of the first index, then those of the second, and so on. Its
    exact answers are those of an index that was built from all of them. Bloom filters of the same
    size (`expected_ngrams`) are united by OR; otherwise a new one is filled from the stored text.

    Args:
        indexes: Directories of indexes with the same n, normalization and structures, or `.json`
            lists of such directories.
        output: The directory to create.
        threads: Threads to work with; one per core by default.
        segment_bytes: As for `add`.
        memory_limit: As for `add`, but filters of the same size are united in memory as a whole.
        overwrite: Whether to replace an index that exists at `output`, once the new one is
            complete.
        progress: As for `build_index`.

    Returns:
        The new index, open.

    Raises:
        UsageError: An option is invalid, or `output` exists.
        QuotetuneError: The indexes differ in their parameters, have fuse filters, contain a
            document twice, or store no text where it is needed to fill a filter; or an index is
            named twice.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index, merge
        >>> path = mkdtemp()
        >>> _ = build_index(["banana"], path + "/1")
        >>> _ = build_index([{"text": "bandana", "id": 7}], path + "/2")
        >>> merge([path + "/1", path + "/2"], path + "/both").count(["ana"])
        array([3])
    """
    if isinstance(indexes, str | os.PathLike):
        raise UsageError("indexes is one path: give a list of them")
    _core.merge(
        [member for index in indexes for member in members_of(index)],
        Path(output),
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes),
        memory_limit=check_memory_limit(memory_limit),
        overwrite=overwrite,
        divided=None,
        progress=in_phase(progress, "index"),
    )
    return Index.open(output)


def compact(
    index: str | os.PathLike[str],
    *,
    threads: int | None = None,
    segment_bytes: int = _core.DEFAULT_SEGMENT_BYTES,
    memory_limit: int | None = None,
    progress: Progress | None = None,
) -> Index:
    """Merge neighbouring segments of an index as far as they fit, and its filters into one.

    A query searches every segment and every filter, so an index with fewer of them is faster.

    Args:
        index: The directory of the index.
        threads: Threads to work with; one per core by default.
        segment_bytes: Bytes of text of the largest segment, less than 2 GiB. Sorting a segment
            takes five times as much memory.
        memory_limit: As for `add`.
        progress: As for `build_index`.

    Returns:
        The index as it is now, open.

    Raises:
        UsageError: An option is invalid, or another command is changing the index.
        QuotetuneError: The index has several filters and stores no text to fill one from, or has
            a fuse filter, which cannot change.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index, compact
        >>> path = mkdtemp() + "/index"
        >>> _ = build_index(["banana", "bandana"], path, segment_bytes=8)
        >>> compact(path).count(["ana"])
        array([3])
    """
    _core.compact(
        one_directory(index),
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes, _core.MAX_SEGMENT_BYTES),
        memory_limit=check_memory_limit(memory_limit),
        progress=in_phase(progress, "index"),
    )
    return Index.open(index)
