"""Who can use the page: by keyboard alone, on a phone, with a screen reader, with a token."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from http_server import Server, serving
from page_use import focused, serious_findings, tab_to
from quotetune import Document, build_index

TOKEN = "0123456789abcdef0123"
FOX = "The quick brown fox jumps over the lazy dog."
SEA = "Whales sing in the deep sea, and their songs travel far."
TEXT = f"He saw {FOX[4:30]} and heard that {SEA[:40]} or so."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("access")
    documents = [Document("a", "fox", FOX, {}), Document("a", "sea", SEA, {"title": "The sea"})]
    build_index(documents, folder / "index", n=10)
    (folder / "token").write_text(TOKEN)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder, folder / "index") as server:
        yield server


def test_all_is_done_by_keyboard(server: Server, visit) -> None:
    page = visit(server)
    page.wait_for_selector("#text-form:not([hidden])")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the link that skips to the text
    page.keyboard.insert_text(TEXT)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#marked mark")
    tab_to(page, "#shortest")
    page.keyboard.press("ArrowRight")
    assert page.locator("#shortest").get_attribute("aria-valuetext") == "11 characters"
    page.get_by_role("status").filter(has_text=" of 11 characters").wait_for()
    tab_to(page, "mark[role=button]")
    first = focused(page)
    assert page.locator("#sources").is_visible()
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel .excerpt")
    assert focused(page) == "panel" and page.locator("#sources").is_hidden()
    page.keyboard.press("Escape")
    assert focused(page) == first and page.locator("#panel").is_hidden()
    page.keyboard.press("Space")
    page.wait_for_selector("#panel .excerpt")
    tab_to(page, "mark[role=button]")  # out of the panel, to the next quote
    assert "Whales" in focused(page)
    page.keyboard.press("Shift+Tab")
    assert focused(page) == first


def test_a_screen_reader_is_told_what_a_quote_is_and_what_happens(server: Server, visit) -> None:
    page = visit(server)
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.get_by_role("button", name="Find quotes").click()
    status = page.get_by_role("status").filter(has_text=re.compile("Searching|quotes of"))
    assert status.text_content() in ("Searching…", "2 quotes of 10 characters or more.")
    mark = page.get_by_role("button", name="Whales")
    assert mark.get_attribute("aria-haspopup") == "dialog"
    mark.click()
    panel = page.get_by_role("dialog", name="once in the corpus")
    panel.wait_for()
    assert mark.get_attribute("aria-expanded") == "true"
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(server: Server, visit, width: int, scheme: str) -> None:
    # axe is a script that the page itself would not let in.
    page = visit(server, width=width, color_scheme=scheme, bypass_csp=True)
    assert serious_findings(page) == []
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.get_by_role("button", name="Find quotes").click()
    page.locator("#marked mark").first.hover()
    assert serious_findings(page) == []
    page.locator("#marked mark").last.click()
    page.wait_for_selector("#panel .excerpt")
    assert serious_findings(page) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(server: Server, visit, width: int) -> None:
    page = visit(server, width=width, reduced_motion="reduce")
    page.get_by_label("Text", exact=True).fill("x" * 500 + "\n" * 60 + TEXT)
    page.get_by_role("button", name="Find quotes").click()
    mark = page.get_by_role("button", name="Whales")
    mark.click()
    page.wait_for_selector("#panel .excerpt")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # The panel does not cover the quote that it is about.
    panel, quote = page.locator("#panel").bounding_box(), mark.bounding_box()
    assert panel["x"] >= quote["x"] + quote["width"] or panel["y"] >= quote["y"] + quote["height"]


def test_the_token_is_asked_for_and_kept_nowhere(folder: Path, visit) -> None:
    with serving(folder, folder / "index", "--auth-token-file", folder / "token") as server:
        page = visit(server)
        field = page.get_by_label("Token of this server")
        field.fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").filter(has_text="The server refuses this token.").wait_for()
        assert page.locator("#text-form").is_hidden()
        field.fill(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#text-form:not([hidden])")
        page.get_by_label("Text", exact=True).fill(TEXT)
        page.get_by_role("button", name="Find quotes").click()
        page.wait_for_selector("#marked mark")
        kept = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
        assert TOKEN not in page.evaluate(kept) + page.content()
        page.reload()
        assert page.get_by_label("Token of this server").is_visible()
