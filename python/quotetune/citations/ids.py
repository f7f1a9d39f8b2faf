"""The ids of a corpus: a citation names a document by its id alone, without the source."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from quotetune.citations.form import is_citable

if TYPE_CHECKING:
    from quotetune.corpus.index import Index

Documents = list[tuple[str, str]]


def citable_ids(index: "Index") -> list[str]:
    """Return the ids of a corpus that can be cited, each once, in the order of the corpus."""
    names = (document.id for document in index.documents())
    return list(dict.fromkeys(name for name in names if is_citable(name)))


def documents_by_id(index: "Index", ids: Collection[str]) -> dict[str, Documents]:
    """Find the documents of ids; an id that the corpus does not have is left out."""
    found: dict[str, Documents] = {}
    for document in index.documents():
        if document.id in ids:
            found.setdefault(document.id, []).append((document.source, document.id))
    return found
