"""Compare the files of an index with the checksums in its manifest."""

import os
from pathlib import Path

from quotetune import _core
from quotetune.corpus.manifest import read_manifest, size_in_bytes
from quotetune.corpus.progress import Progress, silent


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
    total = size_in_bytes(read_manifest(index))
    done = 0

    def read(chunk: int) -> None:
        nonlocal done
        done += chunk
        report("verify", done, total)

    return _core.check_files(Path(index), read)
