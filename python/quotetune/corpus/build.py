"""Build an index from files, datasets or any documents that Python can iterate over."""

import os
from collections.abc import Sequence
from contextlib import closing

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
from quotetune.corpus.shards import Shard
from quotetune.errors import UsageError

_STRUCTURES = ("bloom", "fuse", "suffix", "lean")
_MAX_N = 64


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
    expected_ngrams: int | None = None,
    shard: str | None = None,
    threads: int | None = None,
    segment_bytes: int = _core.DEFAULT_SEGMENT_BYTES,
    memory_limit: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Index:
    """Build an index of a corpus.

    Everything is written to `OUTPUT.partial` and renamed when it is complete: a build that fails
    leaves nothing, and what a killed one leaves is replaced by the next. Memory: the Bloom filter
    (2 bytes a distinct n-gram) or at most 1 GiB for a fuse filter, 5 bytes a byte of text for each
    segment that a thread works on, and some 70 bytes a document.

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
        meta_keys: Field or fields to keep as the documents' metadata. A warning names those that no
            document has; if there is none of them, that is an error.
        errors: What to do with text that is not valid Unicode: `strict` raises, `replace` puts
            U+FFFD in place of what is invalid, `skip` leaves the document out.
        n: Length of an n-gram in characters, 1 to 64.
        normalization: `squash` (white space as QUIP defines it) or `none`.
        structures: `bloom` or `fuse`, and `suffix` or `lean`. `fuse` is a filter for a corpus that
            is not going to change: 18 bits for each distinct n-gram, a false-positive rate of
            0.0015%, no `add`, `remove`, `merge` or `compact`. `lean` is a suffix index of a sixth
            of the size that finds quotes of n characters or more; shorter phrases are counted by
            reading the whole text. Without either no text is kept: there are scores, but no
            quotes, counts or documents.
        bits_per_ngram: Bits of the Bloom filter for each distinct n-gram; 16 by default.
        fpr: The false-positive rate that all Bloom filters of the index stay within, with those
            that `add` makes, instead of `bits_per_ngram`.
        expected_ngrams: Distinct n-grams to make room for in the filter. Filters with the same
            room can be united without the text (`merge`).
        shard: "I/N", from 1: take the I-th of N shares of files, cut by bytes at line ends (a
            compressed, Parquet or text file is not cut). `merge` of all N in their order is the
            index of the whole.
        threads: Threads to build with; one a core by default.
        segment_bytes: Bytes of text after which a new segment begins.
        memory_limit: Bytes of memory to stay within, 256 MiB or more: segments are then as small
            as it takes, and the filter is filled in parts, going through the text for each. Some
            100 bytes a document, and a document that is larger than such a segment, come on top.
            `add`, `remove`, `merge` and `compact` take a limit of their own.
        overwrite: Replace an index that stands at `output`, when the new one is complete.
        progress: Called with (phase, bytes done, bytes in all or 0), phase `read` or `index`. What
            it raises ends the build.

    Returns:
        The index, open.

    Raises:
        UsageError: Options or inputs that cannot work; something stands at `output`.
        QuotetuneError: A malformed record, a duplicate (source, id), text that is not Unicode
            (each with file and line), files that hold no document, or documents that hold none of
            `meta_keys`.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import Document
        >>> fox = Document("fables", "fox", "The quick brown fox jumps over the lazy dog.")
        >>> index = build_index([fox], mkdtemp() + "/index")
        >>> len(index), index.structures
        (1, ['bloom', 'suffix'])
    """
    fuse = _has_fuse(structures, bits_per_ngram, fpr, expected_ngrams, shard)
    given = feed(
        documents, text_key, id_key, source, source_key, meta_keys, errors, Shard.parse(shard)
    )
    report = progress or silent
    if not 1 <= n <= _MAX_N:
        raise UsageError(f"n is {n}; choose one from 1 to {_MAX_N}")
    builder = _core.Builder(
        output,
        n=n,
        normalization=normalization,
        bits_per_ngram=_filter_bits(structures, bits_per_ngram, fpr),
        expected_ngrams=_check_expected(expected_ngrams),
        fuse=fuse,
        suffixes=_suffixes(structures),
        threads=check_threads(threads),
        segment_bytes=check_segment_bytes(segment_bytes),
        memory_limit=check_memory_limit(memory_limit),
        overwrite=overwrite,
        record_keys=given.record_keys(),
        numbered=False,
        duplicates="error",
        identity=None,
    )
    with closing(builder):
        given.into(builder, report)
        builder.finish(lambda done, total: report("index", done, total))
    return Index.open(output)


def _check_expected(expected_ngrams: int | None) -> int | None:
    if expected_ngrams is not None and not 1 <= expected_ngrams < 1 << 50:
        raise UsageError(f"expected_ngrams is {expected_ngrams}; choose from 1 to 10 ** 15")
    return expected_ngrams


def _suffixes(structures: Sequence[str]) -> str | None:
    """The suffix index to build, or None."""
    found = [name for name in ("suffix", "lean") if name in structures]
    if len(found) == 2:
        raise UsageError("structures has suffix and lean; choose one of them")
    return found[0] if found else None


def _has_fuse(
    structures: str | Sequence[str],
    bits_per_ngram: float | None,
    fpr: float | None,
    expected_ngrams: int | None,
    shard: str | None,
) -> bool:
    """Tell whether to build a fuse filter, which leaves nothing to choose."""
    if "fuse" not in structures:
        return False
    if "bloom" in structures:
        raise UsageError("structures has bloom and fuse; choose one of them")
    sizes = {"bits_per_ngram": bits_per_ngram, "fpr": fpr, "expected_ngrams": expected_ngrams}
    if given := [name for name, value in sizes.items() if value is not None]:
        raise UsageError(
            f"{given[0]} with fuse, whose size is fixed; leave it out, or choose bloom"
        )
    if shard is not None:
        raise UsageError("shard with fuse, which merge cannot join; build it whole, or with bloom")
    return True


def _filter_bits(
    structures: Sequence[str], bits_per_ngram: float | None, fpr: float | None
) -> float | None:
    """Bits of the filter for each distinct n-gram; None for no filter."""
    for structure in [structures] if isinstance(structures, str) else structures:
        if structure not in _STRUCTURES:
            raise UsageError(f"structure {structure!r}; choose from bloom, fuse, suffix and lean")
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
