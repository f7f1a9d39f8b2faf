"""How long a build takes, from the times that docs/benchmarks.md has.

They were measured on one thread of an AMD EPYC processor. On another machine they differ, but
their proportions hardly do.
"""

import math

# Table `growth`, 200 MB of text: seconds from JSONL to finished files, and the power of the size
# that they grow with. The time of `fuse` is that of table `build`; it has no exponent.
_MEASURED_BYTES = 200e6
_SECONDS = {
    "bloom": (3.57, 1.04),
    "fuse": (14.3, 1.0),
    "suffix": (9.11, 1.10),
    "lean": (13.0, 1.13),
}
# Table `memory`: 283 s for 2,738 MB of text with a filter that is filled in 22 parts. What is left
# after the times above is what the further passes over the text take.
_SECONDS_PER_BYTE_AND_PASS = 2.3e-9


def build_seconds(
    text_bytes: int,
    filter: str | None,
    suffixes: str | None,
    segments: int,
    passes: int,
    threads: int,
) -> float:
    """Estimate the time of a build.

    Args:
        text_bytes: Bytes of normalised text.
        filter: `bloom`, `fuse` or None.
        suffixes: `suffix`, `lean` or None.
        segments: Segments that the text is divided into; each is sorted by one thread.
        passes: Passes over the text that fill the filter.
        threads: Threads that work.

    Example:
        >>> f"{build_seconds(200_000_000, 'bloom', 'suffix', 1, 1, 1):.1f}"
        '12.7'
    """
    seconds = 0.0
    if filter is not None:
        again = max(passes - 1, 0) * text_bytes * _SECONDS_PER_BYTE_AND_PASS
        seconds += (_seconds(filter, text_bytes) + again) / threads
    if suffixes is not None and segments > 0:
        one = _seconds(suffixes, text_bytes / segments)
        # Threads that have no segment left wait.
        seconds += one * -(-segments // threads)
    return seconds


def _seconds(structure: str, text_bytes: float) -> float:
    seconds, exponent = _SECONDS[structure]
    return seconds * math.pow(text_bytes / _MEASURED_BYTES, exponent)
