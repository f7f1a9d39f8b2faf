"""What a file or a directory holds, as a hash: how stages and jobs see that an input changed."""

from hashlib import blake2b
from pathlib import Path

_WHOLE_HASH_BYTES = 64 << 20
_PIECE_BYTES = 1 << 20
_FOR_PEOPLE = "README.md"


def content_hash(path: Path) -> str | None:
    """Hash a file, or all files of a directory with their names.

    A directory's `README.md` is for people, and does not count.
    Of a file above 64 MiB, such as a model's weights, the size and 1 MiB each of its begin, middle
    and end count, so that asking whether a stage is stale takes no minutes.

    Args:
        path: A file or a directory.

    Returns:
        A hexadecimal hash; None if there is nothing.
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
