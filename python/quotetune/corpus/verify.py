"""Compare the files of an index with the checksums in its manifest."""

import os
from pathlib import Path

from quotetune import _core
from quotetune.corpus.progress import Progress, silent


def bytes_of_files(index: str | os.PathLike[str]) -> int:
    """Return the size of all files of an index.

    Raises:
        QuotetuneError: There is no index, or its manifest is damaged or of another format version.
    """
    return _core.bytes_of_files(index)


def damaged_files(
    index: str | os.PathLike[str], progress: Progress | None = None
) -> list[tuple[str, str]]:
    """Read every file of an index, and compare its checksum with the manifest's.

    Args:
        index: The directory of the index.
        progress: As for `build_index`, with the phase `verify`.

    Returns:
        The path of each damaged file and what is wrong with it.

    Raises:
        QuotetuneError: There is no index, or its manifest is damaged or of another format version.
    """
    report = progress or silent
    total = bytes_of_files(index)
    done = 0

    def read(chunk: int) -> None:
        nonlocal done
        done += chunk
        report("verify", done, total)

    return _core.check_files(Path(index), read)
