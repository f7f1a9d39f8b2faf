"""Files of a corpus on another machine, by fsspec: `s3://`, `gs://`, `hf://` and others."""

import importlib
import posixpath
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

from quotetune.corpus.formats import Format, format_of_name, stem
from quotetune.distributed.plan import Plan, PlannedFile, changed
from quotetune.errors import QuotetuneError, QuotetuneWarning, UsageError, reason_of
from quotetune.runtime.plural import counted

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
    left_out = []
    for url in inputs:
        system, path = opened_url(url)
        try:
            found, base = _matches(system, path)
            for name in found:
                info = system.info(name)
                if (known := format or format_of_name(posixpath.basename(name))) is None:
                    left_out.append(name)
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
    if left_out:
        warnings.warn(
            f"the name has no known ending: {counted(len(left_out), 'file')} left out, the first"
            f" is {left_out[0]}",
            QuotetuneWarning,
            stacklevel=2,
        )
    if not files:
        raise UsageError(f"{', '.join(inputs)}: no file of a known format: give --format")
    return list(files.values())


def opened_url(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it.

    Raises:
        UsageError: Its package is not installed, or the URL is invalid.
    """
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
        base, found = path.rstrip("/"), system.find(path)
    elif system.exists(path):
        return [path], posixpath.dirname(path)
    elif any(character in path for character in _MAGIC):
        fixed = takewhile(lambda part: not any(c in part for c in _MAGIC), path.split("/"))
        base = "/".join(fixed)
        found = [name for name in system.glob(path) if not system.isdir(name)]
    else:
        return [], ""
    visible = [name for name in found if "/." not in name[len(base) :]]
    # The order of a folder is that of the names in it.
    return sorted(visible, key=lambda name: name.split("/")), base


@contextmanager
def by_url(urls: Mapping[str, str]) -> Iterator[None]:
    """Let the errors of a block name URLs instead of the paths of their copies."""
    try:
        yield
    except QuotetuneError as error:
        message = str(error)
        for copy, url in urls.items():
            message = message.replace(copy, url)
        raise type(error)(message) from error


@contextmanager
def sampled(plan: Plan, folder: Path) -> Iterator[tuple[list[Path], float]]:
    """Copy some of the files, or their starts, until the block ends; with their share of all bytes.

    Raises:
        QuotetuneError: A file cannot be fetched.
    """
    own = Path(tempfile.mkdtemp(prefix=".sample-", dir=folder))
    urls: dict[str, str] = {}
    try:
        paths: list[Path] = []
        read = 0
        for file in sorted(plan.files, key=lambda file: (not file.is_cut, file.size)):
            if paths and read >= _SAMPLE_BYTES:
                break
            local = own / f"{len(paths)}-{posixpath.basename(file.path)}"
            if file.is_cut:
                local.write_bytes(_first_lines(file))
            else:
                fetch(file, local)
            paths.append(local)
            urls[str(local)] = file.path
            read += local.stat().st_size
        with by_url(urls):
            yield paths, max(read, 1) / max(plan.bytes, 1)
    except OSError as error:
        raise QuotetuneError(f"{error}: check the credentials and the connection") from error
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _first_lines(file: PlannedFile) -> bytes:
    """Read whole lines from the start of a file, at least one that is not empty."""
    end = _START_BYTES
    while end < file.size:
        start = bytes_of(file, 0, end)
        lines = start[: start.rfind(b"\n") + 1]
        if lines.strip():
            return lines
        end *= 2
    return bytes_of(file, 0, file.size)


def fetch(file: PlannedFile, local: Path) -> None:
    """Copy a whole file to this machine.

    Raises:
        OSError: It cannot be fetched, which may pass.
        QuotetuneError: Its size is not that of the plan.
    """
    system, path = opened_url(file.path)
    with _as_os_errors(file):
        system.get_file(path, str(local))
    if local.stat().st_size != file.size:
        raise changed(file)


def bytes_of(file: PlannedFile, start: int, end: int) -> bytes:
    """Read the bytes of a file from `start` up to, not including, `end`.

    Raises:
        OSError: They cannot be read, which may pass, or are fewer.
    """
    if start >= end:
        return b""
    system, path = opened_url(file.path)
    with _as_os_errors(file):
        content = bytes(system.cat_file(path, start=start, end=end))
    if len(content) != end - start:
        raise OSError(f"{file.path}: has fewer bytes than the {file.size:,} of the plan")
    return content


@contextmanager
def _as_os_errors(file: PlannedFile) -> Iterator[None]:
    """Let all errors of a file system be `OSError`; every one has kinds of its own."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{file.path}: cannot be read ({reason_of(error)})") from error
