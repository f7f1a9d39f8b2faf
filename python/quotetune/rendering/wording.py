"""Words for the documents of a quote and for the number of its occurrences."""

from quotetune.corpus.results import QuoteSource


def document_name(document: QuoteSource) -> str:
    """Name a document in one line: its source and id, and its title if that is not the id.

    Example:
        >>> document_name(QuoteSource("wiki", "Q575650", {"title": "Rust"}, 0))
        'wiki/Q575650 (Rust)'
        >>> document_name(QuoteSource("wiki", "Rust", {"title": "Rust"}, 0))
        'wiki/Rust'
    """
    name = f"{document.source}/{document.id}"
    title = document.metadata.get("title")
    if isinstance(title, str) and title != document.id:
        name += f" ({title})"
    return " ".join(name.split())


def times(count: int) -> str:
    """Put a number of occurrences into words.

    Example:
        >>> times(1), times(1234)
        ('once', '1,234 times')
    """
    return "once" if count == 1 else f"{count:,} times"
