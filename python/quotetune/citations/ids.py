"""The ids of a corpus: a citation names a document by its id alone, without the source."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quotetune.corpus.index import Index

Documents = list[tuple[str, str]]
# Characters that end an id where it is read back.
UNCITABLE = re.compile(r"[\[\]\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")


def is_citable(id: str) -> bool:
    """Tell whether an id can be read back: it has no brackets, line breaks or surrounding space.

    Example:
        >>> is_citable("2001: A Space Odyssey"), is_citable("a[0]"), is_citable(" a")
        (True, False, False)
    """
    return bool(id) and id == id.strip() and not UNCITABLE.search(id)


def citable_ids(index: "Index") -> list[str]:
    """Return the ids of a corpus that can be cited, each once, in the order of the corpus."""
    return list(dict.fromkeys(id for _, id in index.document_names() if is_citable(id)))


def documents_by_id(index: "Index", ids: Collection[str]) -> dict[str, Documents]:
    """Find the documents of ids; an id that the corpus does not have is left out."""
    found: dict[str, Documents] = {}
    for source, id in index.document_names():
        if id in ids:
            found.setdefault(id, []).append((source, id))
    return found
