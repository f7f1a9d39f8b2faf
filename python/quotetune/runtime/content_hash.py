"""Hashes of files and directories, by which stages and jobs see that an input has changed."""

from hashlib import blake2b
from pathlib import Path

_WHOLE_HASH_BYTES = 64 << 20
_PIECE_BYTES = 1 << 20
_FOR_PEOPLE = "README.md"


def content_hash(path: Path) -> str | None:
    """Hash a file, or all files of a directory with their names.

    A directory's `README.md` is for people and is not hashed. Of a file above 64 MiB, such as a
    model's weights, only the size and 1 MiB each at the start, in the middle and at the end are
    hashed, because finding out whether a stage is stale must not take minutes.

    Args:
        path: A file or a directory.

    Returns:
        A hexadecimal hash; None if nothing exists at the path.
    """
    if path.is_dir():
        total = blake2b(digest_size=16)
        inside = (inner for inner in path.rglob("*") if inner.is_file())
        for inner in sorted(inner for inner in inside if inner.name != _FOR_PEOPLE):
            name = inner.relative_to(path).as_posix()
            total.update(f"{name}\0{content_hash(inner)}\n".encode())
        return total.hexdigest()
    if not path.exists():
        return None
    size = path.stat().st_size
    total = blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file:
        if size <= _WHOLE_HASH_BYTES:
            while piece := file.read(_PIECE_BYTES):
                total.update(piece)
        else:
            for offset in (0, (size - _PIECE_BYTES) // 2, size - _PIECE_BYTES):
                file.seek(offset)
                total.update(file.read(_PIECE_BYTES))
    return total.hexdigest()
