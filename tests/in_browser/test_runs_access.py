"""Who can use the view of a run: by keyboard alone, on a phone, with a screen reader."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from finished_run import ANSWERS
from http_server import Server, serving
from page_use import focused, serious_findings, tab_to
from served_runs import write_runs

FIRST, SECOND, _ = ANSWERS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("access")
    with serving(folder, *write_runs(folder)) as server:
        yield server


def open_run(visit, server: Server, **options):
    page = visit(server, "#run=run", **options)
    page.wait_for_selector("#answers mark[role=button]")
    return page


def test_all_is_done_by_keyboard(server: Server, visit) -> None:
    page = visit(server)
    page.wait_for_selector("#text-form:not([hidden])")
    tab_to(page, "[data-leads=runs]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#answers mark[role=button]")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")  # the link that skips to the responses
    assert focused(page) == "responses"
    tab_to(page, "#prompt-search")
    page.keyboard.insert_text("moves")
    page.get_by_text("1 to 1 of 1 prompts").wait_for()
    tab_to(page, "#prompt-list button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=SECOND).wait_for()
    assert focused(page) == "prompt-heading"  # a screen reader goes on from here
    page.wait_for_selector("#answers mark[role=button]")
    tab_to(page, "#rows input")
    page.keyboard.press("Space")
    assert page.locator("#answers h4").all_text_contents() == ["round 1", "round 2"]
    tab_to(page, ".pager:not([hidden]) .next")
    page.keyboard.press("Enter")
    page.locator("#answers").filter(has_text=f"{ANSWERS[SECOND][1]} 1").wait_for()
    page.wait_for_selector("#answers mark[role=button]")
    tab_to(page, "#answers mark[role=button]")
    first = focused(page)
    assert page.locator("#sources").is_visible()
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel .excerpt")
    assert focused(page) == "panel"
    page.keyboard.press("Escape")
    assert focused(page) == first and page.locator("#panel").is_hidden()
    tab_to(page, ".answer button")
    page.keyboard.press("Enter")
    page.wait_for_selector("#marked mark")
    assert focused(page) == "result-heading"


def test_a_link_to_a_section_leads_there_and_keeps_the_address(server: Server, visit) -> None:
    page = open_run(visit, server, reduced_motion="reduce")
    address = page.url
    for name in ("Distributions", "QUIP"):
        page.get_by_role("link", name=name, exact=True).press("Enter")
        assert page.url == address
    assert focused(page) == "metric-quip"
    assert page.locator("#metric-quip").bounding_box()["y"] < 844


def test_a_screen_reader_is_told_what_there_is(server: Server, visit) -> None:
    page = open_run(visit, server)
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    for name in ("Views", "Sections"):
        assert page.get_by_role("navigation", name=name).is_visible()
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("link", name="Runs").get_attribute("aria-current") == "page"
    assert page.title() == "quotetune: what did the run change?"
    chosen = page.get_by_role("list", name="Prompts").locator("[aria-current=true]")
    assert FIRST in chosen.text_content()
    assert page.get_by_role("status").filter(has_text="1 to 3 of 3 prompts").count() == 1
    levels = [
        int(name[1])
        for name in page.locator(":is(h1, h2, h3, h4):visible").evaluate_all(
            "(found) => found.map((one) => one.tagName)"
        )
    ]
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(server: Server, visit, width: int, scheme: str) -> None:
    # axe is a script that the page itself would not let in.
    page = open_run(visit, server, width=width, color_scheme=scheme, bypass_csp=True)
    assert serious_findings(page) == []
    page.locator("#answers mark").first.hover()
    assert serious_findings(page) == []
    page.locator("#answers mark").last.click()
    page.wait_for_selector("#panel .excerpt")
    assert serious_findings(page) == []


@pytest.mark.parametrize("run", ["run", "evil"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(server: Server, visit, width: int, run: str) -> None:
    page = visit(server, f"#run={run}", width=width, reduced_motion="reduce")
    mark = page.locator("#answers mark[role=button]").first
    mark.click()
    page.wait_for_selector("#panel .excerpt")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # The panel does not cover the quote that it is about.
    panel, quote = page.locator("#panel").bounding_box(), mark.bounding_box()
    assert panel["x"] >= quote["x"] + quote["width"] or panel["y"] >= quote["y"] + quote["height"]


def test_on_a_phone_a_prompt_that_is_chosen_comes_into_view(server: Server, visit) -> None:
    page = open_run(visit, server, width=390, reduced_motion="reduce")
    page.get_by_role("list", name="Prompts").get_by_role("button", name=SECOND).click()
    heading = page.get_by_role("heading", name=SECOND)
    heading.and_(page.locator(":focus")).wait_for()
    assert 0 <= heading.bounding_box()["y"] < 0.6 * 844


def test_the_last_page_does_not_lose_the_focus(server: Server, visit) -> None:
    page = open_run(visit, server)
    pager = page.get_by_role("group", name="Responses to the prompt")
    for number in (2, 3):
        pager.get_by_role("button", name="Next").press("Enter")
        pager.get_by_text(f"Response {number} of 3").wait_for()
    assert focused(page) == "Previous"


def test_what_was_typed_last_does_not_lead_back_into_a_view_that_was_left(server, visit) -> None:
    page = open_run(visit, server)
    page.get_by_label("Search prompts").fill("moves")
    # In one step, because the search starts a moment after the last letter.
    page.get_by_role("link", name="Text").evaluate("(link) => link.click()")
    page.wait_for_timeout(400)
    assert page.url.endswith("#text") and page.get_by_label("Text", exact=True).is_visible()
