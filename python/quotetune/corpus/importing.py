"""Import a published Bloom filter as an index."""

import os
from collections.abc import Sequence

from quotetune import _core
from quotetune.corpus.index import Index
from quotetune.corpus.limits import check_n
from quotetune.corpus.progress import Progress, in_phase


def import_bloom(
    header: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    parts: Sequence[str | os.PathLike[str]] = (),
    n: int | None = None,
    normalization: str = "squash",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Index:
    """Make an index from a RedisBloom dump, the form in which data-portraits publishes filters.

    The index gives exactly the hits of the published filter, from a memory map and without Redis.
    It scores texts and marks covered text. It has no quotes and no documents, because it contains
    no text. The parts are copied into one file of the index, with little memory, and are not needed
    afterwards.

    Args:
        header: The JSON header, `NAME.bf`; or the list of blocks of the older layout,
            `NAME.bf.idx`.
        output: The directory to create.
        parts: The files of bits, in order. By default, the files beside the header that it names
            (in the older layout, `NAME.bf`).
        n: Length of an n-gram in characters, 1 to 64. The header states it, except in the older
            layout.
        normalization: Treatment of white space when the filter was made: `squash`, as for QUIP, or
            `none`.
        overwrite: Whether to replace an index that exists at `output`, once the new one is
            complete.
        progress: Function that is called with ("import", bytes done, total bytes). Every byte is
            written, and read once for its checksum. An exception that it raises ends the import.

    Returns:
        The index, open. Its `fpr` is fill^k, where fill is the share of bits that are set and k
        the number of bits that an n-gram sets.

    Raises:
        UsageError: An option is invalid, or `output` exists.
        QuotetuneError: The header is not one of these, a part is missing, truncated or too long,
            or the dump is a chain of several filters or was made without 64-bit hashes.

    Example:
        >>> import json, struct, tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> block = struct.pack("<QIIIQQQddIQB", 0, 1, 4, 2, 8, 64, 0, 0.01, 9.6, 7, 6, 0)
        >>> _ = (folder / "empty.bf.part0.bin").write_bytes(block + bytes(8))
        >>> sizes = {"part_file": "empty.bf.part0.bin"}
        >>> blocks = [{"iter": 1, "block_num": 0, "block_size": 73} | sizes]
        >>> blocks += [{"iter": 9, "block_num": 1, "block_size": 8} | sizes]
        >>> _ = (folder / "empty.bf").write_text(json.dumps({"blocks": blocks, "width": 25}))
        >>> index = import_bloom(folder / "empty.bf", folder / "index")
        >>> index
        Index(n=25, normalization='squash', documents=0, structures=['redisbloom'])
        >>> index.quip(["The quick brown fox jumps over the lazy dog."])
        array([0.])
    """
    _core.import_bloom(
        header,
        output,
        parts=list(parts),
        n=None if n is None else check_n(n),
        normalization=normalization,
        overwrite=overwrite,
        progress=in_phase(progress, "import"),
    )
    return Index.open(output)
