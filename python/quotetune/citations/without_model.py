"""Ids that nobody had to learn: those in the prompt, and those that a search finds.

A model that names its sources is only as good as it is beside these.
"""

from collections.abc import Collection, Sequence

from quotetune.citations.ids import is_citable
from quotetune.corpus.index import Index
from quotetune.prompts.retrieval import retrieve


def ids_in_text(text: str, ids: Collection[str]) -> list[str]:
    """Return the ids that a text contains as whole words, the longest first.

    Args:
        text: The text.
        ids: A set of ids.

    Example:
        >>> ids_in_text("What is a Red panda?", {"Red", "Red panda", "pan"})
        ['Red panda', 'Red']
    """
    longest = max(map(len, ids), default=0)
    borders = [
        place
        for place in range(len(text) + 1)
        if not (0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum())
    ]
    found = {
        text[start:end]
        for number, start in enumerate(borders)
        for end in borders[number + 1 :]
        if end - start <= longest and text[start:end] in ids
    }
    return sorted(found, key=lambda id: (-len(id), text.index(id)))


def ids_by_search(index: Index, queries: Sequence[str], count: int) -> list[list[str]]:
    """Return the ids of the documents that BM25 finds for each query, the best first.

    Args:
        index: The index of the corpus.
        queries: The queries.
        count: Documents per query.
    """
    return [
        [document.id for document in found if is_citable(document.id)]
        for found in retrieve(index, queries, count)
    ]
