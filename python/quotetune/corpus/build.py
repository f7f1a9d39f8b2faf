"""Build an index from files, datasets or any documents that Python can iterate over."""

import os
from collections.abc import Sequence
from contextlib import closing

from quotetune import _core
from quotetune.corpus.formats import Format
from quotetune.corpus.index import Index
from quotetune.corpus.ingest import Documents, Duplicates, Reading, feed, keys_of
from quotetune.corpus.limits import (
    check_memory_limit,
    check_n,
    check_segment_bytes,
    check_threads,
)
from quotetune.corpus.progress import Progress, in_phase, silent
from quotetune.corpus.rows import BadRecords
from quotetune.corpus.shards import Shard
from quotetune.corpus.structures import Structures


def build_index(
    documents: Documents,
    output: str | os.PathLike[str],
    *,
    text_key: str = "text",
    id_key: str | None = None,
    source: str | None = None,
    source_key: str | None = None,
    meta_keys: str | Sequence[str] = (),
    errors: BadRecords = "strict",
    format: Format | None = None,
    root: str | os.PathLike[str] | None = None,
    duplicates: Duplicates = "error",
    n: int = _core.DEFAULT_N,
    normalization: str = "squash",
    structures: str | Sequence[str] = ("bloom", "suffix"),
    bits_per_ngram: float | None = None,
    fpr: float | None = None,
    expected_ngrams: int | None = None,
    shard: str | None = None,
    threads: int | None = None,
    segment_bytes: int = _core.DEFAULT_SEGMENT_BYTES,
    memory_limit: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Index:
    """Build an index of a corpus.

    All files are written to `OUTPUT.partial`, which is renamed when it is complete. A build that
    fails leaves nothing; the next build replaces the files of one that was killed. A build needs
    memory for the filter (2 bytes per distinct n-gram for Bloom, at most 1 GiB for fuse), 5 bytes
    per byte of text for each segment that a thread works on, and about 70 bytes per document.

    Args:
        documents: A path (a file, folder or glob, or `-` for JSONL on stdin), an iterable of
            `pathlib.Path`, an iterable of documents, or a table of pandas, polars, arrow or
            `datasets`, whose rows are documents. A document is a `str`, a `Document` or a record
            (dict).
        output: The directory to create.
        text_key: Field of the text in a record. This key and the others reach into objects:
            `meta.url` is the field `url` of the object `meta`, unless a record has a field
            `meta.url`.
        id_key: Field of the id, a string or an integer, which every record must have. By default,
            the id is the field `id` if a record has it; otherwise its line in the file (from 1) or
            its position in the iterable (from 0). `none` takes no field, even if there is one.
        source: Source of all documents. Default ids then have the file's name before them, as in
            `2023/report:7`, and the id of a text file is its name.
        source_key: Field of the source, which every record must have. By default, the source is
            the field `source` if a record has it. Otherwise it is the name of the file without its
            ending (below a folder, the path relative to it; for a glob, relative to its fixed
            part), or "documents".
        meta_keys: Field or fields to keep as the documents' metadata. A warning names the fields
            that no document has. It is an error if no document has any of them.
        errors: Treatment of bad records. `strict` raises an error. `replace` puts U+FFFD in place
            of what is not valid Unicode, and raises an error for all else. `skip` leaves out each
            record without a text, with invalid Unicode, with broken JSON or with fields of a wrong
            type. A warning per reason gives the count and the first place. It is an error if all of
            the first 1,000 records are bad, or none is good, or a file is damaged.
        format: Format of all files, `jsonl`, `text` or `parquet`; by default, each file's name
            decides. The first bytes decide the compression, and what is Parquet.
        root: Folder that the default sources are relative to.
        duplicates: Treatment of documents whose source and id occurred before: `error` raises one,
            `first` leaves them out, and a warning gives their number.
        n: Length of an n-gram in characters, 1 to 64.
        normalization: Differences that do not count. `squash`: white space, as QUIP defines it.
            `fold`: typography, too (NFKC, straight quotation marks, one dash, no soft hyphens).
            `fold-case`: case, too. `none`: the text as it is.
        structures: `bloom` or `fuse`, `suffix` or `lean`, or one of each. `fuse` is a filter for a
            corpus that does not change: it takes 18 bits per distinct n-gram and has 0.0015% false
            positives, but the index allows no `add`, `remove`, `merge` or `compact`. `lean` is a
            suffix index of a sixth of the size. It finds quotes of n characters or more, and
            counts shorter phrases by reading the whole text. An index without `suffix` and `lean`
            keeps no text: it has scores, but no quotes, counts or documents.
        bits_per_ngram: Bits of the Bloom filter per distinct n-gram, 1 to 256; 16 by default.
        fpr: Largest false-positive rate of all Bloom filters of the index together, including
            those that `add` makes. It replaces `bits_per_ngram`.
        expected_ngrams: Distinct n-grams to make room for in the filter. `merge` unites filters
            of the same size without reading the text.
        shard: "I/N", from 1: index only the I-th of N shards of the files. They are cut by bytes,
            at line ends; compressed, Parquet and text files are not cut. `merge` of all N shards
            in order gives the index of the whole corpus.
        threads: Threads to build with; one per core by default.
        segment_bytes: Bytes of text after which a new segment starts.
        memory_limit: Bytes of memory to stay within, 256 MiB or more. Segments are then smaller,
            and the filter is filled in parts, with one pass over the text for each. About 100
            bytes per document come on top, and so does a document that is larger than such a
            segment. `add`, `remove`, `merge` and `compact` have a limit of their own.
        overwrite: Whether to replace an index that exists at `output`, once the new one is
            complete.
        progress: Function that is called with (phase, bytes done, total bytes or 0); the phase is
            `read` or `index`. An exception that it raises ends the build.

    Returns:
        The index, open.

    Raises:
        UsageError: An option or input is invalid, or `output` exists.
        QuotetuneError: A record is malformed, a (source, id) occurs twice or a text is not valid
            Unicode (the message names file and line); the files contain no document, or no
            document has any of `meta_keys`.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import Document
        >>> fox = Document("fables", "fox", "The quick brown fox jumps over the lazy dog.")
        >>> index = build_index([fox], mkdtemp() + "/index")
        >>> len(index), index.structures
        (1, ['bloom', 'suffix'])
    """
    wanted = Structures.checked(structures, bits_per_ngram, fpr, expected_ngrams, shard)
    keys = keys_of(text_key, id_key, source, source_key, meta_keys, errors)
    reading = Reading(format, root, duplicates)
    given = feed(documents, keys, reading, Shard.parse(shard))
    builder = _core.Builder(
        output,
        n=check_n(n),
        normalization=normalization,
        filter=wanted.filter,
        suffixes=wanted.suffixes,
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes),
        memory_limit=check_memory_limit(memory_limit),
        overwrite=overwrite,
        record_keys=given.record_keys(),
        numbered=keys.numbered,
        duplicates=duplicates,
        identity=reading.identity,
    )
    with closing(builder):
        given.into(builder, progress or silent)
        builder.finish(in_phase(progress, "index"))
    return Index.open(output)
