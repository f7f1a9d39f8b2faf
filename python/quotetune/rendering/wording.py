"""How the documents of a quote, and how often it stands in them, are put into words."""

from quotetune.corpus.results import QuoteSource


def document_name(document: QuoteSource) -> str:
    """Name a document in one line: its source and id, and its title if that says more.

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
    """Say how often.

    Example:
        >>> times(1), times(1234)
        ('once', '1,234 times')
    """
    return "once" if count == 1 else f"{count:,} times"
