"""Compare the files of an index with the checksums in its manifest, and indexes with each other."""

import os

from quotetune import _core
from quotetune.corpus.index import Index
from quotetune.corpus.index_list import members_of
from quotetune.corpus.progress import Progress, silent


def bytes_of_files(index: str | os.PathLike[str]) -> int:
    """Return the size of all files of an index, or of a `.json` list of indexes.

    Raises:
        QuotetuneError: There is no index, or its manifest is damaged or of another format version.
    """
    return sum(map(_core.bytes_of_files, members_of(index)))


def damaged_files(
    index: str | os.PathLike[str], progress: Progress | None = None
) -> list[tuple[str, str]]:
    """Read every file of an index, and compare its checksum with the manifest's.

    Args:
        index: The directory of the index, or a `.json` list of such directories.
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

    return [damage for member in members_of(index) for damage in _core.check_files(member, read)]


def check_identities(index: Index) -> None:
    """Check that no document is in two of the indexes that are opened as one.

    The hashes of the names are sorted in each index, so this reads 12 bytes per document and takes
    no memory. Indexes without a suffix index do not know their documents.

    Args:
        index: The index. One of a single directory cannot have a document twice.

    Raises:
        QuotetuneError: Two of its indexes have a document with the same source and id.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import QuotetuneError, build_index
        >>> path = mkdtemp()
        >>> parts = [build_index(["banana"], f"{path}/{name}").path for name in "ab"]
        >>> try:
        ...     check_identities(Index.open(parts))
        ... except QuotetuneError as error:
        ...     print(str(error).split(path)[1].strip())
        /b: the document "0" of source "documents" is also in
    """
    if len(index.members) > 1:
        index._index.check_identities()
