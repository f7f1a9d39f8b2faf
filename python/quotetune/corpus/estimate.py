"""Estimate what an index would take, before it is built."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from quotetune import _core
from quotetune.corpus.build_time import build_seconds
from quotetune.corpus.files import corpus_files
from quotetune.corpus.formats import Format
from quotetune.corpus.ingest import Duplicates, Reading, check_reading, keys_of, no_document
from quotetune.corpus.inputs import expand_inputs
from quotetune.corpus.limits import (
    check_memory_limit,
    check_n,
    check_segment_bytes,
    check_threads,
)
from quotetune.corpus.rows import BadRecords
from quotetune.corpus.sampling import SAMPLE_BYTES, Sample
from quotetune.corpus.shards import Shard, portions
from quotetune.corpus.structures import Structures
from quotetune.errors import UsageError

# Memory of a build of a few documents (measured, with 85 MB for 5 MB of text), and what each
# document takes beside its text.
_PROGRAM_BYTES = 80_000_000
_BYTES_PER_DOCUMENT = 70
# More text than a build can count.
_MOST = 10**15


@dataclass(frozen=True)
class BuildEstimate:
    """What a build would write and need.

    Attributes:
        documents: Documents of the corpus.
        characters: Characters of their normalised texts.
        text_bytes: Bytes of these in UTF-8.
        distinct_ngrams: Distinct n-grams of the texts.
        files: Bytes on the disk, by what they hold: a filter (`bloom` or `fuse`), the `text`, the
            `documents`' names and places, and the sorted suffixes (`suffix` or `lean`).
        segments: Parts that the text is divided into.
        memory: Bytes of memory at the peak.
        seconds: Time, on a machine like that of docs/benchmarks.md.
        threads: Threads that work.
        basis: What the estimate follows from: `corpus`, where every document was counted, `sample`
            or `numbers`.
    """

    documents: int
    characters: int
    text_bytes: int
    distinct_ngrams: int
    files: dict[str, int]
    segments: int
    memory: int
    seconds: float
    threads: int
    basis: str

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())


def check_output(output: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Refuse an output that a build would refuse. Nothing is written.

    Raises:
        UsageError: Something else is there, or an index that is not to be replaced.
    """
    _core.check_output(output, overwrite)


def estimate_build(  # noqa: D417 - most arguments are those of `build_index`
    documents: Iterable[os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
    *,
    ngrams: int | None = None,
    chars: int | None = None,
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
    sample_bytes: int = SAMPLE_BYTES,
) -> BuildEstimate:
    """Estimate the sizes of an index and what its build needs. Nothing is written.

    Files of `sample_bytes` together are read whole. Of larger ones, stretches of that many bytes
    are read: of plain JSONL at 64 places, of other files the starts of up to 16.

    Args:
        documents: Files, folders or globs; empty for an estimate from numbers.
        output: The directory of the index, if it is to be checked.
        ngrams: Distinct n-grams; by default, as many as characters.
        chars: Characters of text, of one byte each; by default, as many as n-grams.
        sample_bytes: Bytes of the files to read.

    The other arguments are those of `build_index`.

    Raises:
        UsageError: `build_index` would refuse the arguments; there are neither documents nor
            numbers, or both; one of the documents is a pipe.
        QuotetuneError: A file or a record that is read is bad, or there is no document.

    Example:
        >>> estimate = estimate_build([], chars=10**9, structures=["bloom", "lean"])
        >>> {name: f"{size / 1e6:.0f} MB" for name, size in estimate.files.items()}
        {'bloom': '2000 MB', 'text': '1000 MB', 'documents': '12 MB', 'lean': '640 MB'}
    """
    wanted = Structures.checked(structures, bits_per_ngram, fpr, expected_ngrams, shard)
    keys = keys_of(text_key, id_key, source, source_key, meta_keys, errors)
    reading = Reading(format, root, duplicates)
    check_reading(keys, reading)
    inputs, part = expand_inputs(documents, format, root), Shard.parse(shard)
    core: dict[str, Any] = {
        "n": check_n(n),
        "normalization": normalization,
        "filter": wanted.filter,
        "suffixes": wanted.suffixes,
        "threads": check_threads(threads),
        "segment_bytes": check_segment_bytes(segment_bytes),
        "memory_limit": check_memory_limit(memory_limit),
    }
    if output is not None:
        check_output(output, overwrite=overwrite)
    # Options are refused before anything is read.
    _core.estimate_build(_core.ascii_amount(0, 0, n), **core)
    if inputs.files:
        if ngrams is not None or chars is not None:
            raise UsageError("a corpus and its number of n-grams or characters: give one of them")
        keeps_text = wanted.suffixes is not None
        sample = Sample(_core.Sampler(n, normalization, keeps_text), keys, sample_bytes)
        files = corpus_files(inputs, keys)
        amount = sample.count(portions(files, part))
        if amount[0] == 0 and part is None:
            raise no_document(files)
        basis = "corpus" if sample.is_whole else "sample"
    else:
        amount = _core.ascii_amount(*_numbers(ngrams, chars), n)
        basis = "numbers"
    return _estimate(amount, core, basis)


def _numbers(ngrams: int | None, chars: int | None) -> tuple[int, int]:
    """Return the numbers of characters and of distinct n-grams."""
    for name, number in (("ngrams", ngrams), ("chars", chars)):
        if number is not None and not 1 <= number <= _MOST:
            raise UsageError(f"{name} is {number}: choose from 1 to {_MOST:,}")
    given = [number for number in (ngrams, chars) if number is not None]
    if not given:
        raise UsageError("nothing to estimate: give a corpus, or --ngrams or --chars")
    characters = given[-1]
    if given[0] > characters:
        raise UsageError(
            f"{given[0]} distinct n-grams in {characters} characters: a text has no more n-grams "
            "than characters"
        )
    return characters, given[0]


def _estimate(amount: "_core.AmountTuple", core: dict[str, Any], basis: str) -> BuildEstimate:
    documents, characters, text_bytes, distinct_ngrams, *_ = amount
    filter_bytes, text, records, sorted, segments, passes, threads, memory = _core.estimate_build(
        amount, **core
    )
    filter, suffixes = core["filter"], core["suffixes"]
    if isinstance(filter, tuple):
        filter = "bloom"
    files = {} if filter is None else {filter: filter_bytes}
    if suffixes is not None:
        files |= {"text": text, "documents": records, suffixes: sorted}
    return BuildEstimate(
        documents=documents,
        characters=characters,
        text_bytes=text_bytes,
        distinct_ngrams=distinct_ngrams,
        files=files,
        segments=segments,
        memory=_PROGRAM_BYTES + documents * _BYTES_PER_DOCUMENT + memory,
        seconds=build_seconds(text_bytes, filter, suffixes, segments, passes, threads),
        threads=threads,
        basis=basis,
    )
