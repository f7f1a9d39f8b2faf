"""The environment of a child process that keeps its memory.

A training on a CPU allocates and frees hundreds of megabytes in each step. glibc takes such blocks
from the system and gives them back each time, and the system clears every page again. On some
virtual machines that takes longer than the training itself (docs/benchmarks.md).
"""

from collections.abc import Mapping

_KEPT = {
    "MALLOC_MMAP_MAX_": "0",  # large blocks come from the heap, too
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),  # the end of the heap is never given back
    "MALLOC_TOP_PAD_": str(64 << 20),  # the heap grows by this much
}


def with_kept_heap(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which glibc keeps the memory that a process has freed.

    Args:
        environment: The variables. If it has one of glibc's own, nothing is added to it.

    Example:
        >>> with_kept_heap({"PATH": "/bin"})["MALLOC_MMAP_MAX_"]
        '0'
        >>> with_kept_heap({"MALLOC_TOP_PAD_": "1"})
        {'MALLOC_TOP_PAD_': '1'}
    """
    given = any(name in environment for name in _KEPT)
    return dict(environment) | ({} if given else _KEPT)
