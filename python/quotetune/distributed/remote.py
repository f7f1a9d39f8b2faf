"""Files of a corpus on another machine, by fsspec: `s3://`, `gs://`, `hf://` and others."""

import importlib
import posixpath
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

from quotetune.corpus.formats import (
    Format,
    format_of_name,
    is_parquet,
    stem,
)
from quotetune.corpus.inputs import InputFile, Inputs
from quotetune.distributed.plan import Plan, PlannedFile
from quotetune.errors import QuotetuneError, UsageError, reason_of

_MAGIC = "*?["
# Bytes to read of all files, and of one that can be cut, for an estimate.
_SAMPLE_BYTES = 32 << 20
_START_BYTES = 2 << 20
# Names of what changes with a file's content, in the order of trust.
_VERSIONS = ("etag", "ETag", "generation", "md5Hash", "blob_id", "mtime", "LastModified", "created")


def is_remote(name: str) -> bool:
    """Tell whether an input is a URL.

    Example:
        >>> is_remote("s3://bucket/crawl/*.jsonl"), is_remote("./crawl")
        (True, False)
    """
    scheme, separator, _ = name.partition("://")
    return bool(separator) and scheme.replace("+", "").isalnum()


def version_of(path: Path) -> tuple[int, str]:
    """Return the size of a local file, and when it was changed."""
    status = path.stat()
    return status.st_size, str(status.st_mtime_ns)


def remote_files(inputs: Sequence[str], format: Format | None) -> list[PlannedFile]:
    """List the files of URLs: files, folders and globs, in the order of the inputs.

    Args:
        inputs: The URLs.
        format: Format of all files; by default each file's name decides.

    Raises:
        UsageError: fsspec or the file system's package is not installed, a URL cannot be read or
            matches no file of a known format.
    """
    files: dict[str, PlannedFile] = {}
    for url in inputs:
        system, path = _opened(url)
        try:
            found, base = _matches(system, path)
            for name in found:
                info = system.info(name)
                if (known := format or format_of_name(posixpath.basename(name))) is None:
                    continue
                relative = PurePosixPath(posixpath.relpath(name, base))
                shown = relative.with_name(stem(relative.name)).as_posix()
                version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
                full = system.unstrip_protocol(name)
                files[full] = PlannedFile(full, known, shown, int(info["size"]), version)
        except Exception as error:  # every file system has errors of its own
            raise UsageError(
                f"{url}: cannot be read ({reason_of(error)}): check the URL and the credentials"
            ) from error
        if not found:
            raise UsageError(f"{url}: no such file or folder: check the URL")
    if not files:
        raise UsageError(f"{', '.join(inputs)}: no file of a known format: give --format")
    return list(files.values())


def _opened(url: str) -> tuple[Any, str]:
    try:
        fsspec = importlib.import_module("fsspec.core")
    except ImportError as error:
        raise UsageError(
            f"{url}: needs fsspec: install it with `pip install 'quotetune[ray]'`"
        ) from error
    try:
        system, path = fsspec.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url}: cannot be opened: {reason_of(error)}") from error
    return system, path


def _matches(system: Any, path: str) -> tuple[list[str], str]:
    """Return the paths of a file, folder or glob, and the folder that their names start from."""
    if system.isdir(path):
        names = system.find(path)
        visible = [name for name in names if "/." not in name[len(path.rstrip("/")) :]]
        return sorted(visible), path
    if system.exists(path):
        return [path], posixpath.dirname(path)
    if not any(character in path for character in _MAGIC):
        return [], ""
    parts = takewhile(lambda part: not any(c in part for c in _MAGIC), path.split("/"))
    return sorted(name for name in system.glob(path) if not system.isdir(name)), "/".join(parts)


def files_of(plan: Plan, number: int) -> list[PlannedFile]:
    """Return the files of a shard: a whole file belongs to the shard of its first byte.

    Example:
        >>> def planned(name, size):
        ...     return PlannedFile(f"s3://bucket/{name}.jsonl", "jsonl", name, size, "")
        >>> files = [planned("a", 10), planned("b", 80), planned("c", 10)]
        >>> plan = Plan(files, {}, {}, 2, False, True)
        >>> [[file.name for file in files_of(plan, number)] for number in (1, 2)]
        [['a', 'b'], ['c']]
    """
    first = plan.bytes * (number - 1) // plan.shards
    last = plan.bytes * number // plan.shards + (number == plan.shards)
    taken = []
    before = 0
    for file in plan.files:
        if first <= before < last:
            taken.append(file)
        before += file.size
    return taken


@contextmanager
def fetched(plan: Plan, number: int, scratch: str | None) -> Iterator[Inputs]:
    """Copy the files of a shard to this machine, until the block ends.

    Raises:
        QuotetuneError: In the block too, where it names the URL instead of the copy.
        OSError: A file cannot be fetched, which may pass.
    """
    folder = Path(tempfile.mkdtemp(prefix="quotetune-", dir=scratch))
    urls: dict[str, str] = {}
    try:
        files = []
        for position, file in enumerate(files_of(plan, number)):
            local = folder / str(position) / posixpath.basename(file.path)
            local.parent.mkdir()
            urls[str(local)] = file.path
            _fetch(file, local)
            format: Format = "parquet" if is_parquet(local) else file.format
            files.append(InputFile(local, format, file.name, is_given=True))
        yield Inputs(files)
    except QuotetuneError as error:
        message = str(error)
        for local_name, url in urls.items():
            message = message.replace(local_name, url)
        raise type(error)(message) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def sampled(plan: Plan, folder: Path) -> Iterator[tuple[list[Path], float]]:
    """Copy some of the files, or their starts, until the block ends; with their share of all bytes.

    Raises:
        QuotetuneError: A file cannot be fetched.
    """
    own = Path(tempfile.mkdtemp(prefix=".sample-", dir=folder))
    try:
        paths: list[Path] = []
        read = 0
        for file in sorted(plan.files, key=lambda file: (not _is_lines(file), file.size)):
            if paths and read >= _SAMPLE_BYTES:
                break
            local = own / f"{len(paths)}-{posixpath.basename(file.path)}"
            if _is_lines(file) and file.size > _START_BYTES:
                system, path = _opened(file.path)
                start = system.cat_file(path, start=0, end=_START_BYTES)
                local.write_bytes(start[: start.rfind(b"\n") + 1])
            else:
                _fetch(file, local)
            paths.append(local)
            read += local.stat().st_size
        yield paths, max(read, 1) / max(plan.bytes, 1)
    except OSError as error:
        raise QuotetuneError(f"{error}: check the credentials and the connection") from error
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _is_lines(file: PlannedFile) -> bool:
    """Tell whether the start of a file can be read by itself; a `.json` file may be one array."""
    return file.path.lower().endswith((".jsonl", ".ndjson"))


def _fetch(file: PlannedFile, local: Path) -> None:
    system, path = _opened(file.path)
    try:
        system.get_file(path, str(local))
    except OSError:
        raise
    except Exception as error:  # every file system has errors of its own
        raise OSError(f"{file.path}: cannot be fetched ({reason_of(error)})") from error
    if local.stat().st_size != file.size:
        raise QuotetuneError(
            f"{file.path}: was changed after the build began: leave the files as they are until it"
            " ends"
        )
