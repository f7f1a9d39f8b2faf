"""Limits of the arguments that an index and its builds take.

The core checks its numbers, but a Python int can be larger than any number that it can receive.
"""

from typing import TypeVar

from quotetune import _core
from quotetune.errors import UsageError

# Larger than any length or count; the numbers that the core accepts are limited.
MOST = 2**31 - 1
_MAX_THREADS = 1024
_Texts = TypeVar("_Texts")


def check_n(n: int) -> int:
    """Return the length of an n-gram, if it is in range."""
    if not 1 <= n <= _core.MAX_N:
        raise UsageError(f"n is {n}: choose one from 1 to {_core.MAX_N}")
    return n


def check_expected_ngrams(expected_ngrams: int | None) -> int | None:
    """Return the number of distinct n-grams to make room for, if it is in range."""
    most = _core.MAX_EXPECTED_NGRAMS
    if expected_ngrams is not None and not 1 <= expected_ngrams <= most:
        raise UsageError(f"expected_ngrams is {expected_ngrams}: choose from 1 to {most:,}")
    return expected_ngrams


def check_threads(threads: int | None) -> int:
    """Return the number of threads as the core takes it: 0 for one per core."""
    if threads is not None and not 1 <= threads <= _MAX_THREADS:
        raise UsageError(f"threads is {threads}: choose 1 or more, at most {_MAX_THREADS}")
    return threads or 0


def check_segment_bytes(segment_bytes: int, most: int = _core.DEFAULT_SEGMENT_BYTES) -> int:
    """Return the bytes of text of a segment, if they are in range."""
    if not 1 <= segment_bytes <= most:
        raise UsageError(f"segment_bytes is {segment_bytes}: choose one from 1 to {most}")
    return segment_bytes


def check_memory_limit(memory_limit: int | None) -> int | None:
    """Return the bytes of memory to stay within, if they are enough."""
    if memory_limit is None:
        return None
    least = _core.MIN_MEMORY_LIMIT
    if not isinstance(memory_limit, int) or not least <= memory_limit < 1 << 60:
        raise UsageError(
            f"memory_limit is {memory_limit!r}: give a number of bytes, {least:,} or more"
        )
    return memory_limit


def check_texts(texts: _Texts) -> _Texts:
    """Return the texts, if they are not a string, which would be read as its characters."""
    if isinstance(texts, str | bytes):
        raise UsageError(f"texts is a {type(texts).__name__}: give a list of texts, as in [text]")
    return texts


def check_documents(max_documents: int) -> int:
    """Return the number of documents to name, if it is in range."""
    if max_documents < 0:
        raise UsageError(f"max_documents is {max_documents}: choose 0 or more")
    return min(max_documents, MOST)
