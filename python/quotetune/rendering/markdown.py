"""Text and tables as Markdown."""

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#+!|~])")


def escape(text: str) -> str:
    r"""Put a backslash before characters that Markdown would read as markup.

    Example:
        >>> print(escape("a *b* [c]"))
        a \*b\* \[c\]
    """
    return _SPECIAL.sub(r"\\\1", text)


def markdown_table(cells: Sequence[Sequence[str]]) -> list[str]:
    r"""Write a table, with names in the first column and numbers in the others.

    Args:
        cells: The rows; the first is the heading.

    Returns:
        Lines of Markdown; all columns except the first are aligned to the right.

    Example:
        >>> print(*markdown_table([["", "QUIP"], ["before", "10.0%"]]), sep="\n")
        |  | QUIP |
        | --- | ---: |
        | before | 10.0% |
    """
    lines = [cells[0], ["---"] + ["---:"] * (len(cells[0]) - 1), *cells[1:]]
    return [f"| {' | '.join(line)} |" for line in lines]
