"""Retrieval: find the documents of a corpus for queries, by BM25.

A small corpus is searched in memory, with bm25s. A large one gets a search index of tantivy's on
disk, beside its index, and is never in memory.
"""

from collections.abc import Sequence
from pathlib import Path

from quotetune.corpus.index import Index
from quotetune.corpus.results import Document
from quotetune.errors import QuotetuneError
from quotetune.prompts.bm25 import Bm25
from quotetune.prompts.search_on_disk import SearchOnDisk

# bm25s takes about 9 bytes of memory per character, so these take a gigabyte.
LARGE_NGRAMS = 100_000_000


def retrieve(index: Index, queries: Sequence[str], count: int) -> list[list[Document]]:
    """Find the best documents for each query.

    Args:
        index: The index of the corpus.
        queries: The queries.
        count: Documents per query; all documents if there are fewer.

    Returns:
        The documents for each query, best first. Those that have no word of the query come last,
        in an order that means nothing.

    Raises:
        UsageError: A package is not installed.
        QuotetuneError: The search index cannot be written beside the index.
    """
    if not queries:
        return []
    if is_large(index):
        return SearchOnDisk(index).best(queries, count)
    documents = list(index.documents())
    found = Bm25([document.text for document in documents]).best(queries, count)
    return [[documents[place] for place in row] for row in found]


def is_large(index: Index) -> bool:
    """Tell whether a corpus is searched on disk, because it has `LARGE_NGRAMS` or more."""
    return index.ngrams >= LARGE_NGRAMS


def search_settings(index: Path) -> dict[str, str]:
    """Return the settings that the search adds to those of a stage; none for a small corpus."""
    try:
        large = is_large(Index.open(index))
    except QuotetuneError:  # a plan can also be shown before the index is built
        return {}
    return {"search": "tantivy"} if large else {}
