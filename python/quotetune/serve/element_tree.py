"""HTML of our own templates as a tree, of which the page's script makes elements.

The page's policy forbids its script to read any text as HTML. So the server reads it.
"""

from html.parser import HTMLParser
from typing import Any

# The parser writes names in lower case, and in SVG these are not.
_NAMES = {"viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio"}


def element_tree(html: str) -> list[Any]:
    """Return the elements of well-formed HTML.

    Args:
        html: The HTML, in which every element is closed.

    Returns:
        A list of texts and elements. An element is a list of its name, its attributes, and its own
        texts and elements. White space that only separates lines is left out.

    Example:
        >>> element_tree('<p class="soft">1 &lt; <b>2</b></p>')
        [['p', {'class': 'soft'}, '1 < ', ['b', {}, '2']]]
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    (root,) = reader.open
    return root[2:]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[list[Any]] = [["", {}]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {_NAMES.get(name, name): value or "" for name, value in attrs}
        element = [tag, attributes]
        self.open[-1].append(element)
        self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        name, *_ = self.open.pop()
        if name != tag:
            raise ValueError(f"</{tag}> closes <{name}>")

    def handle_data(self, data: str) -> None:
        if data.strip() or "\n" not in data:
            self.open[-1].append(data)
