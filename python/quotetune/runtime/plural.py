"""Numbers of things in messages."""


def counted(count: int, noun: str) -> str:
    """Write a number of things.

    Example:
        >>> counted(1, "document"), counted(10033, "document")
        ('1 document', '10,033 documents')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
