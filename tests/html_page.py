"""Read a page with the standard library's parser, which does not know our templates."""

import json
from html.parser import HTMLParser
from pathlib import Path

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta"}


class Element:
    """An element: its tag, its attributes, its place in the tree, and all text in it."""

    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent, self.children = tag, attributes, parent, []
        self._pieces = []

    def all(self, tag=None, **attributes):
        """Return all elements inside, in order, with this tag and these attributes."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        found = []
        for child in self.children:
            if tag in (None, child.tag) and wanted.items() <= child.attributes.items():
                found.append(child)
            found += child.all(tag, **attributes)
        return found

    def one(self, tag=None, **attributes):
        (element,) = self.all(tag, **attributes)
        return element

    def add_text(self, text):
        element = self
        while element is not None:
            element._pieces.append(text)
            element = element.parent

    @property
    def text(self):
        return "".join(self._pieces)

    @property
    def words(self):
        return " ".join(self.text.split())


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = self._open = Element("", {}, None)

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), self._open)
        assert len(element.attributes) == len(attrs), f"<{tag}> has an attribute twice"
        self._open.children.append(element)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self._open.tag == tag, f"</{tag}> closes <{self._open.tag}>"
        self._open = self._open.parent

    def handle_data(self, data):
        self._open.add_text(data)


def read_page(path: Path) -> Element:
    """Read a page, and check that every element is closed inside the one that contains it."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader._open is reader.root
    return reader.root


def browsing_data(page: Element) -> dict:
    """Return the data of the page's script."""
    return json.loads(page.one("script", type="application/json").text)
