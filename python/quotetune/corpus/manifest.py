"""The manifest of an index: its parameters, counts and files."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quotetune import _core


def manifest_text(index: str | os.PathLike[str]) -> str:
    """Return the manifest of the index in a directory, as JSON.

    Raises:
        QuotetuneError: There is no index, or its manifest is damaged or of another format version.
    """
    return _core.read_manifest(index)


def read_manifest(index: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the manifest of the index in a directory.

    Raises:
        QuotetuneError: There is no index, or its manifest is damaged or of another format version.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["banana"], mkdtemp() + "/index", n=3)
        >>> read_manifest(index.path)["counts"]["ngrams"]
        4
    """
    manifest: dict[str, Any] = json.loads(manifest_text(index))
    return manifest


def version_name(members: Sequence[Path]) -> str:
    """Return a name for the state of an index; every change to the index changes it.

    Args:
        members: The directories of the index, see `Index.members`.
    """
    manifests = hashlib.blake2b(digest_size=8)
    for member in members:
        manifests.update((member / "manifest.json").read_bytes())
    return manifests.hexdigest()
