"""The form of ids in a response: they follow its text, each in square brackets.

`absorb.ids: end` uses the same form: `Ice floats. [Ice] [Water]`.
"""

import re
from collections.abc import Iterable

_UNCITABLE = re.compile(r"[\[\]\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")

# These surround an id after a text.
BEFORE, AFTER = " [", "]"


def is_citable(id: str) -> bool:
    """Tell whether an id can be read back: it has no brackets, line breaks or surrounding space.

    Example:
        >>> is_citable("2001: A Space Odyssey"), is_citable("a[0]"), is_citable(" a")
        (True, False, False)
    """
    return bool(id) and id == id.strip() and not _UNCITABLE.search(id)


def citation(id: str) -> str:
    """Return an id in the form that follows a text.

    Example:
        >>> citation("Ice")
        ' [Ice]'
    """
    return f"{BEFORE}{id}{AFTER}"


def with_citations(text: str, ids: Iterable[str]) -> str:
    """Put ids after a text.

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
        cut: Whether the text may end inside an id, which is then taken off, too.

    Returns:
        The text without ids, unchanged if it has none; and the ids in their order.

    Example:
        >>> split_citations("Ice floats. [Ice] [Water]")
        ('Ice floats.', ['Ice', 'Water'])
        >>> split_citations("Ice floats. [Ice] [Wat", cut=True)
        ('Ice floats.', ['Ice'])
        >>> split_citations("The list a[0] is short.")
        ('The list a[0] is short.', [])
    """
    rest = text.rstrip()
    start = rest.rfind("[")
    if cut and _opens(rest, start) and not _UNCITABLE.search(rest, start + 1):
        rest = text = rest[:start].rstrip()
    ids: list[str] = []
    while rest.endswith("]"):
        start = rest.rfind("[")
        id = rest[start + 1 : -1]
        if not _opens(rest, start) or not is_citable(id):
            break
        ids.append(id)
        rest = rest[:start].rstrip()
    return (rest if ids else text), ids[::-1]


def _opens(text: str, place: int) -> bool:
    """Tell whether a bracket follows a space or starts the text; the one in `a[0]` does neither."""
    return place == 0 or (place > 0 and text[place - 1].isspace())
