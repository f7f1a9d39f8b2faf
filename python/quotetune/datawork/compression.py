"""Write files compressed as other files are."""

import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

# The first bytes of a file decide how it is compressed, as they do when it is read.
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}


def compression_of(path: Path) -> str | None:
    """Return how a file is compressed: `gzip`, `zstd`, `bz2`, `xz`, or None; a pipe: None."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        start = file.read(max(map(len, _MAGIC)))
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


@contextmanager
def compressed_file(path: Path, compression: str | None) -> Iterator[BinaryIO]:
    """Open a file to write bytes to, which are compressed on the way.

    Example:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp(), "a.gz")
        >>> with compressed_file(path, "gzip") as file:
        ...     _ = file.write(b"ice")
        >>> compression_of(path)
        'gzip'
    """
    if compression is None:
        with path.open("wb") as plain:
            yield plain
    elif compression == "xz":
        with lzma.open(path, "wb") as packed:
            yield cast(BinaryIO, packed)
    else:
        import pyarrow as pa

        with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), compression) as stream:
            yield stream
