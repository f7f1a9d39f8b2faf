"""The tree of a page's part is what a browser would make of its HTML."""

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.serve.element_tree import element_tree

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1).filter(str.strip)
NAMES = st.sampled_from(["p", "b", "table", "svg", "th"])
ATTRIBUTES = st.dictionaries(st.sampled_from(["class", "viewBox", "aria-label"]), TEXTS)
TREES = st.recursive(
    TEXTS,
    lambda inside: st.tuples(NAMES, ATTRIBUTES, st.lists(inside, max_size=3)).map(
        lambda element: [element[0], element[1], *without_neighbours(element[2])]
    ),
    max_leaves=6,
)


def without_neighbours(parts: list) -> list:
    """Two texts beside each other are one text in HTML."""
    return [
        part
        for at, part in enumerate(parts)
        if not (at and isinstance(part, str) and isinstance(parts[at - 1], str))
    ]


def html(part) -> str:
    if isinstance(part, str):
        return escape(part)
    name, attributes, *inside = part
    given_ = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{given_}>{''.join(map(html, inside))}</{name}>"


@given(TREES)
def test_a_tree_that_is_written_as_html_comes_back(tree) -> None:
    assert element_tree(html(tree)) == [tree]


def test_white_space_between_lines_is_left_out_and_that_in_lines_stays() -> None:
    assert element_tree("\n<p>\n  <b>1</b> <b>2</b>\n</p>\n") == [
        ["p", {}, ["b", {}, "1"], " ", ["b", {}, "2"]]
    ]


@pytest.mark.parametrize("wrong", ["<p>", "<p><b></p></b>", "</p>", "<br>"])
def test_html_that_does_not_close_its_elements_is_an_error(wrong: str) -> None:
    with pytest.raises(ValueError):
        element_tree(wrong)
