"""How a text gets into the page and out of it: pasted, as a file, in a link."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from http_server import Server, serving
from page_use import clipboard, find_quotes
from quotetune import build_index

FOX = "The quick brown fox jumps over the lazy dog. A quick brown dog sleeps in the warm sun."
SEA = "Whales sing in the deep sea, and their songs travel for a thousand miles."
TEXT = (
    f"\U0001f98a He saw the quick brown fox jumps over the lazy cat.\n\nI think {SEA[:40]} or so."
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("texts")
    build_index([FOX, SEA], folder / "index", n=10)
    with serving(folder, folder / "index") as server:
        yield server


def test_a_link_contains_the_text_and_the_settings(server, visit) -> None:
    page = visit(server)
    find_quotes(page, TEXT)
    page.get_by_label("Shortest quote").fill("20")
    page.get_by_role("button", name="Copy a link").click()
    link = clipboard(page)
    assert len(link) < 400 and page.url == link
    other = visit(server, "#" + link.partition("#")[2])
    other.wait_for_selector("#marked mark")
    assert other.get_by_label("Text", exact=True).input_value() == TEXT
    assert other.get_by_label("Shortest quote").input_value() == "20"
    assert other.locator("#marked").text_content() == page.locator("#marked").text_content()


def test_a_text_that_is_too_long_for_a_link_is_told_so(server, visit) -> None:
    page = visit(server)
    # Random letters cannot be packed.
    find_quotes(page, random.Random(0).randbytes(8000).hex())
    page.get_by_role("button", name="Copy a link").click()
    page.get_by_role("alert").filter(has_text="too long for a link").wait_for()
    assert "#" not in page.url


@pytest.mark.parametrize("fragment", ["#input", "#AAAA", "#" + "A" * 9000, "#%00", "#q1YqSa0oAQA"])
def test_a_fragment_that_is_no_link_of_ours_is_left_alone(server, visit, fragment: str) -> None:
    page = visit(server, fragment)
    find_quotes(page, TEXT)
    assert page.locator("#marked").text_content() == TEXT


def test_a_file_is_opened_or_dropped(server, visit, tmp_path: Path) -> None:
    page = visit(server)
    page.wait_for_selector("#text-form:not([hidden])")
    (tmp_path / "text.txt").write_bytes(b"\xef\xbb\xbf" + SEA[:50].encode())
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff")
    page.locator("#file").set_input_files(tmp_path / "text.txt")
    page.wait_for_selector("#marked mark")
    assert page.locator("#marked").text_content() == SEA[:50]
    page.locator("#file").set_input_files(tmp_path / "image.png")
    page.get_by_role("alert").filter(has_text="image.png is not text in UTF-8.").wait_for()
    page.evaluate(
        """(text) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], "fox.txt"));
          for (const name of ["dragover", "drop"]) {
            document.body.dispatchEvent(
              new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
          }
        }""",
        FOX,
    )
    page.locator("#marked").filter(has_text="The quick").wait_for()
    assert page.locator("#marked").text_content() == FOX


def test_a_text_of_200_kb_is_pasted_and_shown_whole(server, visit) -> None:
    page = visit(server)
    text = "".join(
        f"{number} {FOX[number % 40 : number % 40 + 45]} ...\n" for number in range(3700)
    )
    assert 190_000 < len(text) < 250_000
    page.wait_for_selector("#text-form:not([hidden])")
    # `fill` would take half a minute for so many lines, which a person's paste does not.
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.get_by_label("Text", exact=True).focus()
    page.keyboard.press("Control+V")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#marked").text_content() == text
    assert page.locator("#marked mark").count() >= 3700
    mark = page.locator("#marked mark").last
    mark.click()
    page.wait_for_selector("#panel .excerpt")


def test_a_problem_is_said_in_words(server, visit) -> None:
    page = visit(server)
    page.wait_for_selector("#text-form:not([hidden])")
    page.get_by_label("Text", exact=True).fill("   ")
    page.get_by_role("button", name="Find quotes").click()
    assert page.get_by_role("alert").text_content() == "There is no text: paste one."
