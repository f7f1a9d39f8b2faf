"""The structures of a new index: which filter and which suffix index, and the filter's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from quotetune import _core
from quotetune.corpus.limits import check_expected_ngrams
from quotetune.errors import UsageError

_NAMES = ("bloom", "fuse", "suffix", "lean")


@dataclass(frozen=True)
class Structures:
    """What is to be built, in the form that the core takes.

    Attributes:
        filter: `fuse`, or the bits per n-gram and the room of a Bloom filter, or None.
        suffixes: `suffix`, `lean` or None.
    """

    filter: tuple[float, int | None] | Literal["fuse"] | None
    suffixes: str | None

    @classmethod
    def checked(
        cls,
        structures: str | Sequence[str],
        bits_per_ngram: float | None,
        fpr: float | None,
        expected_ngrams: int | None,
        shard: str | None,
    ) -> Self:
        """Read the arguments of `build_index`.

        Raises:
            UsageError: A structure is unknown, or the choices do not go together.

        Example:
            >>> Structures.checked(["fuse", "lean"], None, None, None, None)
            Structures(filter='fuse', suffixes='lean')
        """
        names = _structures(structures)
        expected = check_expected_ngrams(expected_ngrams)
        filter = _filter(names, bits_per_ngram, fpr, expected, shard)
        return cls(filter, _one_of("suffix", "lean", names))


def _structures(names: str | Sequence[str]) -> list[str]:
    """Return the names of the structures to build, if they are known."""
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in _NAMES:
            raise UsageError(f"structure {name!r}: choose from bloom, fuse, suffix and lean")
    return names


def _one_of(one: str, other: str, names: Sequence[str]) -> str | None:
    """Return which of two structures is to be built, or None for neither."""
    if one in names and other in names:
        raise UsageError(f"structures has {one} and {other}: choose one of them")
    return next((name for name in (one, other) if name in names), None)


def _filter(
    names: Sequence[str],
    bits_per_ngram: float | None,
    fpr: float | None,
    expected_ngrams: int | None,
    shard: str | None,
) -> tuple[float, int | None] | Literal["fuse"] | None:
    """Return the filter to build: `fuse`, or the bits and the room of a Bloom filter, or None."""
    sizes = {"bits_per_ngram": bits_per_ngram, "fpr": fpr, "expected_ngrams": expected_ngrams}
    given = [name for name, value in sizes.items() if value is not None]
    match _one_of("bloom", "fuse", names):
        case "bloom":
            return bits_of(bits_per_ngram, fpr), expected_ngrams
        case "fuse":
            if given:
                raise UsageError(
                    f"{given[0]} with fuse, whose size is fixed: leave it out, or choose bloom"
                )
            if shard is not None:
                raise UsageError(
                    "shard with fuse, which merge cannot join: build one index, or choose bloom"
                )
            return "fuse"
    if given:
        raise UsageError(f"{given[0]} without a Bloom filter: add bloom to structures")
    return None


def bits_of(bits_per_ngram: float | None, fpr: float | None) -> float:
    """Return the bits per n-gram of a Bloom filter.

    Raises:
        UsageError: Both are given, or the rate is invalid.

    Example:
        >>> bits_of(None, None), bits_of(8, None)
        (16.0, 8)
    """
    if bits_per_ngram is not None and fpr is not None:
        raise UsageError("bits_per_ngram and fpr exclude each other: give one")
    if fpr is not None:
        return _core.bits_for_fpr(fpr)
    return _core.DEFAULT_BITS_PER_NGRAM if bits_per_ngram is None else bits_per_ngram
