"""Change an index: add documents, remove some, merge indexes, make few segments of many."""

import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from quotetune import _core
from quotetune.corpus.index import Index
from quotetune.corpus.ingest import (
    Documents,
    Progress,
    check_memory_limit,
    check_segment_bytes,
    check_threads,
    feed,
    silent,
)
from quotetune.corpus.rows import InvalidText
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
    errors: InvalidText = "strict",
    threads: int | None = None,
    segment_bytes: int = _core.DEFAULT_SEGMENT_BYTES,
    memory_limit: int | None = None,
    progress: Progress | None = None,
) -> Index:
    """Add documents to an index, behind those that are in it.

    Exact answers are then those of an index that was built of all documents at once. The filters
    stay within the index's false-positive rate all together. The change appears at once when it is
    complete; an `Index` that is open goes on as it was.

    Args:
        index: The directory of the index.
        documents: As for `build_index`, and so are the next six; but the fields are those that the
            index was built with, unless others are given.
        text_key: Field of the text in a record.
        id_key: Field of the id.
        source: Source of all documents.
        source_key: Field of the source.
        meta_keys: Field or fields to keep as metadata; `()` for none.
        errors: What to do with text that is not valid Unicode: `strict`, `replace` or `skip`.
        threads: Threads to work on; one a core by default.
        segment_bytes: Bytes of text of a full segment. At most eight of less than half of it
            stand: when there are more, neighbours are merged.
        memory_limit: Bytes of memory to stay within, as for `build_index`: segments are then full
            sooner.
        progress: As for `build_index`.

    Returns:
        The index as it is now, open.

    Raises:
        UsageError: Options or inputs that cannot work; another
            command changes the index.
        QuotetuneError: As for `build_index`; a fuse filter, which cannot change; a document with
            this (source, id) is in the index (one without a suffix index cannot tell).

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import Document, add, build_index
        >>> path = mkdtemp() + "/index"
        >>> _ = build_index([Document("fables", "fox", "The quick brown fox jumps.")], path)
        >>> index = add(path, [Document("fables", "dog", "The lazy dog sleeps.")])
        >>> len(index), index.count(["The "])
        (2, array([2]))
    """
    usual_text, usual_id, usual_source, usual_metadata = Index.open(index).record_keys
    given = feed(
        documents,
        usual_text if text_key is None else text_key,
        usual_id if id_key is None else id_key,
        source,
        # One source for all stands in place of a field.
        usual_source if source_key is None and source is None else source_key,
        usual_metadata if meta_keys is None else meta_keys,
        errors,
        meta_keys_named=meta_keys is not None,
    )
    report = progress or silent
    builder = _core.Builder.adding(
        Path(index),
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes),
        memory_limit=check_memory_limit(memory_limit),
        record_keys=given.record_keys(),
        numbered=False,
        duplicates="error",
    )
    with closing(builder):
        given.into(builder, report)
        builder.finish(lambda done, total: report("index", done, total))
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
    """Remove documents from an index: from traces, counts, scores, and from the disk.

    The segments that held them and the filters over them are written anew from the stored text, so
    that an index without a suffix index is refused.

    Args:
        index: The directory of the index.
        source: The documents' source.
        ids: Their ids; by default all documents of the source.
        threads: Threads to work on; one a core by default.
        segment_bytes: As for `add`.
        memory_limit: As for `add`.
        progress: As for `build_index`.

    Returns:
        How many documents were removed.

    Raises:
        UsageError: Options that cannot work; another command
            changes the index.
        QuotetuneError: There is no such document (then none is removed), no stored text, or a
            fuse filter, which cannot change.

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
        raise UsageError(f"ids is the str {ids!r}; give a list of ids")
    listed = None if ids is None else list(ids)
    for name in (source, *(listed or ())):
        if not isinstance(name, str) or not is_unicode(name):
            raise UsageError(f"source or id {name!r}; give strings of valid Unicode")
    report = progress or silent
    return _core.remove(
        Path(index),
        source,
        listed,
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes),
        memory_limit=check_memory_limit(memory_limit),
        progress=lambda done, total: report("index", done, total),
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
    """Make one index of several that were built apart; they stay as they are.

    Its documents are those of the first, then those of the second, and so on, and its exact answers
    those of an index that was built of them all. Bloom filters of the same size (`expected_ngrams`)
    are united by OR; otherwise one is filled from the stored text.

    Args:
        indexes: Directories of indexes with the same n, normalization and structures.
        output: The directory to make.
        threads: Threads to work on; one a core by default.
        segment_bytes: As for `add`.
        memory_limit: As for `add`, but filters of one size are united in memory, whole.
        overwrite: Replace an index that stands at `output`, when the new one is complete.
        progress: As for `build_index`.

    Returns:
        The new index, open.

    Raises:
        UsageError: Options that cannot work; something stands
            at `output`.
        QuotetuneError: The indexes are not alike, have fuse filters, hold a document twice, or keep
            no text where it is needed to fill a filter; one is named twice.

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
        raise UsageError("indexes is one path; give a list of them")
    report = progress or silent
    _core.merge(
        [Path(index) for index in indexes],
        Path(output),
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes),
        memory_limit=check_memory_limit(memory_limit),
        overwrite=overwrite,
        progress=lambda done, total: report("index", done, total),
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
    """Merge neighbouring segments of an index as far as they fit, and make one filter of several.

    A query asks every segment and every filter, so that fewer answer faster.

    Args:
        index: The directory of the index.
        threads: Threads to work on; one a core by default.
        segment_bytes: Bytes of text of the largest segment, less than 2 GiB; sorting one takes
            five times as much memory.
        memory_limit: As for `add`.
        progress: As for `build_index`.

    Returns:
        The index as it is now, open.

    Raises:
        UsageError: Options that cannot work; another command
            changes the index.
        QuotetuneError: Several filters, and no stored text to fill one from; a fuse filter, which
            cannot change.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index, compact
        >>> path = mkdtemp() + "/index"
        >>> _ = build_index(["banana", "bandana"], path, segment_bytes=8)
        >>> compact(path).count(["ana"])
        array([3])
    """
    report = progress or silent
    _core.compact(
        Path(index),
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes, _core.MAX_SEGMENT_BYTES),
        memory_limit=check_memory_limit(memory_limit),
        progress=lambda done, total: report("index", done, total),
    )
    return Index.open(index)
