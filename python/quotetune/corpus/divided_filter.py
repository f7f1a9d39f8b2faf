"""A Bloom filter that many processes fill, a stretch by each, for indexes that are then merged."""

import os
from collections.abc import Sequence
from pathlib import Path

from quotetune import _core
from quotetune.corpus.index import Index
from quotetune.corpus.limits import check_memory_limit, check_threads
from quotetune.corpus.progress import Progress, in_phase
from quotetune.corpus.structures import bits_of
from quotetune.errors import UsageError


class DividedFilter:
    """A filter in stretches, each of which holds the hashes of a range.

    Indexes are built without a filter and write the hashes of their n-grams, 8 bytes each, in the
    order of the stretches. Then each stretch is filled from the hashes of all indexes, and the
    merge joins the stretches. It is bit for bit the filter of a build with the same room.

    Args:
        expected_ngrams: Distinct n-grams to make room for.
        most: The largest number of stretches. Their real number is `len()`.
        bits_per_ngram: As for `build_index`.
        fpr: As for `build_index`.

    Raises:
        UsageError: An argument is invalid.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> path = Path(mkdtemp())
        >>> divided, names = DividedFilter(64, 2), ["a", "b"]
        >>> for name in names:
        ...     _ = build_index([{"text": f"banana {name}", "id": name}], path / name, n=3,
        ...                     structures="suffix")
        ...     divided.write_hashes(path / name, path / f"{name}.hashes")
        >>> stretches = [path / str(number) for number in range(len(divided))]
        >>> for number, stretch in enumerate(stretches):
        ...     divided.fill(number, [path / f"{name}.hashes" for name in names], stretch)
        >>> divided.merge([path / name for name in names], path / "both", stretches).structures
        ['bloom', 'suffix']
    """

    def __init__(
        self,
        expected_ngrams: int,
        most: int,
        *,
        bits_per_ngram: float | None = None,
        fpr: float | None = None,
    ) -> None:
        if most < 1:
            raise UsageError(f"most is {most}: choose 1 or more")
        self._filter = _core.DividedFilter(bits_of(bits_per_ngram, fpr), expected_ngrams, most)

    def __len__(self) -> int:
        """Return the number of stretches."""
        return len(self._filter)

    def write_hashes(
        self,
        index: str | os.PathLike[str],
        output: str | os.PathLike[str],
        *,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Write the hashes of an index's stored text to a new file.

        Args:
            index: The directory of the index.
            output: The file.
            threads: Threads to work with; one per core by default.
            progress: As for `build_index`; the phase is `hashes`.

        Raises:
            QuotetuneError: A file cannot be read or written.
        """
        self._filter.write_hashes(
            index, output, threads=check_threads(threads), progress=in_phase(progress, "hashes")
        )

    def fill(
        self,
        stretch: int,
        hashes: Sequence[Path],
        output: str | os.PathLike[str],
        *,
        threads: int | None = None,
    ) -> None:
        """Fill a stretch, and write it to a new file.

        Args:
            stretch: Its number, from 0.
            hashes: The files of `write_hashes`, of all indexes.
            output: The file.
            threads: As for `write_hashes`.

        Raises:
            UsageError: There is no such stretch.
            QuotetuneError: A file cannot be read or written.
        """
        self._filter.fill(
            stretch, hashes, output, threads=check_threads(threads), progress=in_phase(None, "fill")
        )

    def merge(
        self,
        indexes: Sequence[Path],
        output: Path,
        stretches: Sequence[Path],
        *,
        memory_limit: int | None = None,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Index:
        """Merge indexes without a filter to one that has this filter.

        If it turns out to be too full for its rate, a new one is filled from the stored text.

        Args:
            indexes: Their directories.
            output: The directory to create.
            stretches: The files of `fill`, of all stretches in order.
            memory_limit: As for `quotetune.merge`, like the next two arguments.
            overwrite: Whether to replace an index that exists.
            progress: The phase is `index`.

        Raises:
            UsageError: As for `quotetune.merge`.
            QuotetuneError: As for `quotetune.merge`; or a stretch is missing or truncated.
        """
        _core.merge(
            list(indexes),
            output,
            threads=check_threads(None),
            segment_bytes=_core.DEFAULT_SEGMENT_BYTES,
            memory_limit=check_memory_limit(memory_limit),
            overwrite=overwrite,
            divided=(self._filter, list(stretches)),
            progress=in_phase(progress, "index"),
        )
        return Index.open(output)
