"""A citation as the chats have it: one entry per quote, where `/cite` has one per quoted text."""

from collections.abc import Iterable

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote
from quotetune.rendering.footnotes import as_given
from quotetune.serve.proxy.json_text import Json

# The keys of an entry, by which it is known when it comes back in the history of a chat.
KEYS = ("number", "start", "end", "quote", "count", "documents")


def citation_entries(quotes: Iterable[Quote], index: Index, numbers: dict[str, int]) -> list[Json]:
    """Return the citations of quotes, in their order.

    Args:
        quotes: Quotes to cite, in the order of the content.
        index: Their index.
        numbers: The number of each text that was quoted in the content before. New ones are added.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["banana"], mkdtemp() + "/index", n=3)
        >>> [entry] = citation_entries(index.trace("a banana"), index, {})
        >>> entry["number"], entry["start"], entry["end"], entry["quote"], entry["count"]
        (1, 2, 8, 'banana', 1)
    """
    return [
        {
            "number": numbers.setdefault(quote.text, len(numbers) + 1),
            "start": quote.start,
            "end": quote.end,
            "quote": as_given(quote, index),
            "count": quote.count,
            "documents": quote.to_dict()["documents"],
        }
        for quote in quotes
    ]
