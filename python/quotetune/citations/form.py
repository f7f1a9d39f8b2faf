"""How a response carries the ids of documents: behind its text, each in square brackets.

The form is that of `absorb.ids: end`: `Ice floats. [Ice] [Water]`.
"""

import re
from collections.abc import Iterable

_UNCITABLE = re.compile(r"[\[\]\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")

# Around an id that is put after a text.
BEFORE, AFTER = " [", "]"


def is_citable(id: str) -> bool:
    """Tell whether an id can be read back: without brackets, line breaks and space around it.

    Example:
        >>> is_citable("2001: A Space Odyssey"), is_citable("a[0]"), is_citable(" a")
        (True, False, False)
    """
    return bool(id) and id == id.strip() and not _UNCITABLE.search(id)


def citation(id: str) -> str:
    """Return what is put behind a text.

    Example:
        >>> citation("Ice")
        ' [Ice]'
    """
    return f"{BEFORE}{id}{AFTER}"


def with_citations(text: str, ids: Iterable[str]) -> str:
    """Put ids behind a text.

    Args:
        text: The text.
        ids: Citable ids.

    Example:
        >>> with_citations("Ice floats.", ["Ice", "Water"])
        'Ice floats. [Ice] [Water]'
    """
    return text + "".join(map(citation, ids))


def split_citations(text: str, cut: bool = False) -> tuple[str, list[str]]:
    """Take the ids off the end of a text.

    Args:
        text: The text.
        cut: Whether it may break off in the middle of an id, which is taken off, too.

    Returns:
        The text without ids, as given if it has none; and the ids in their order.

    Example:
        >>> split_citations("Ice floats. [Ice] [Water]")
        ('Ice floats.', ['Ice', 'Water'])
        >>> split_citations("Ice floats. [Ice] [Wat", cut=True)
        ('Ice floats.', ['Ice'])
        >>> split_citations("The list a[0] is short.")
        ('The list a[0] is short.', [])
    """
    rest = text.rstrip()
    begin = rest.rfind("[")
    if cut and _opens(rest, begin) and not _UNCITABLE.search(rest, begin + 1):
        rest = text = rest[:begin].rstrip()
    ids: list[str] = []
    while rest.endswith("]"):
        begin = rest.rfind("[")
        id = rest[begin + 1 : -1]
        if not _opens(rest, begin) or not is_citable(id):
            break
        ids.append(id)
        rest = rest[:begin].rstrip()
    return (rest if ids else text), ids[::-1]


def _opens(text: str, place: int) -> bool:
    """Tell whether a bracket stands behind a space or at the begin: that in `a[0]` does not."""
    return place == 0 or (place > 0 and text[place - 1].isspace())
