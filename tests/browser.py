"""Look at a run's report in a real browser: `python -m tests.browser RUN [-o FOLDER]`.

It needs playwright and a Chromium (`CHROMIUM=/usr/bin/chromium`). It opens `report.html` as on a
desktop and on a phone, light and dark, uses it by keyboard, and takes screenshots. With
`--prompts 2000` it first repeats the run's prompts until there are that many.
"""

import argparse
import io
import os
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from quotetune.report import write_report

WIDTHS = {"desktop": 1280, "phone": 390}
QUOTE = "mark[role=button]"


def launch(playwright: Playwright) -> Browser:
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    return playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


def open_report(browser: Browser, report: Path, width: int, scheme: str = "light") -> Page:
    page = browser.new_page(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        has_touch=width < 700,
        is_mobile=width < 700,
    )
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.said = said  # type: ignore[attr-defined]
    begin = time.monotonic()
    page.goto(report.resolve().as_uri())
    page.wait_for_selector("#response-rows tr")
    print(f"{width} px, {scheme}: {time.monotonic() - begin:.2f} s to the first responses")
    return page


def check_quiet(page: Page, report: Path) -> None:
    """Check that the console is empty and that only the page itself was loaded."""
    asked = [line for line in page.said if line != report.resolve().as_uri()]  # type: ignore[attr-defined]
    assert [line for line in asked if line != "data:,"] == []


def check_width(page: Page) -> None:
    """Check that the page never scrolls sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{wide} px too wide"


def check_search(page: Page) -> None:
    """Check that a search keeps the prompts that contain its word, and no others."""
    heading = page.locator("#response-rows th").first
    name = heading.evaluate("node => node.firstChild.textContent")
    page.get_by_label("Search prompts").fill(name)
    expect(page.locator("#response-rows th").first).to_contain_text(name)
    page.get_by_label("Search prompts").fill("no-such-word-anywhere")
    expect(page.locator("#response-rows tr")).to_have_count(0)
    page.get_by_label("Search prompts").fill("")
    expect(page.locator("#response-rows tr").first).to_be_visible()


def check_keyboard(page: Page) -> None:
    """Check that Tab leads from the search box to a quote, Enter into its sources and Esc back."""
    page.get_by_label("Search prompts").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches('{QUOTE}')"):
            break
    else:
        raise AssertionError("no quote is reached")
    expect(page.locator("#sources")).to_be_visible()
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "sources"
    page.keyboard.press("Escape")
    expect(page.locator("#sources")).to_be_hidden()
    assert page.evaluate("document.activeElement.textContent") == first
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") != first


def check_orders(page: Page) -> None:
    """Check the orders by gain, by loss and by name, and that any row can be on either side."""
    if page.locator("#order option[value=gain]").count():
        firsts = set()
        for order in ("gain", "loss"):
            page.locator("#order").select_option(order)
            firsts.add(page.locator("#response-rows th").first.text_content())
        assert len(firsts) == 2
    page.locator("#order").select_option("name")
    names = page.locator("#response-rows th").all_text_contents()
    # The browser orders some letters in another way than Python.
    assert names[0].casefold() <= names[-1].casefold()
    page.locator("#left").select_option(index=1)
    right = page.locator("#right option").nth(1).text_content()
    expect(page.locator("#left-heading")).to_have_text(right or "")
    page.locator("#left").select_option(index=0)
    page.locator("#order").select_option("hash")


def check_pages(page: Page) -> None:
    """Check that the next page has other prompts, and the previous one the first ones again."""
    names = page.locator("#response-rows th")
    first = names.all_text_contents()
    if not page.locator(".pager").first.is_visible():
        return
    page.locator(".pager .next").first.press("Enter")
    assert set(names.all_text_contents()).isdisjoint(first)
    page.locator(".pager .previous").last.press("Enter")
    assert names.all_text_contents() == first


def main(run: Path, screenshots: Path) -> None:
    report = run / "report.html"
    screenshots.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for device, width in WIDTHS.items():
            for scheme in ("light", "dark"):
                page = open_report(browser, report, width, scheme)
                check_width(page)
                page.screenshot(path=screenshots / f"{device}-{scheme}.png", full_page=True)
                mark = page.locator(QUOTE).first
                if mark.count():
                    mark.scroll_into_view_if_needed()
                    mark.click()
                    expect(page.locator("#sources")).to_be_visible()
                    page.screenshot(path=screenshots / f"{device}-{scheme}-sources.png")
                    page.keyboard.press("Escape")
                    expect(page.locator("#sources")).to_be_hidden()
                    if device == "desktop":
                        page.mouse.move(1, 1)
                        mark.hover()
                        expect(page.locator("#sources")).to_be_visible()
                        page.mouse.move(1, 1)
                        expect(page.locator("#sources")).to_be_hidden()
                check_search(page)
                check_pages(page)
                check_orders(page)
                if device == "desktop" and mark.count():
                    check_keyboard(page)
                check_width(page)
                check_quiet(page, report)
                page.close()
        page = open_report(browser, report, 1280)
        page.pdf(path=screenshots / "print.pdf", format="A4")
        browser.close()
    print(f"all well; {report.stat().st_size / 1e6:.2f} MB; look at {screenshots}")


def take_picture(run: Path, picture: Path) -> None:
    """Take the README's picture: the headline and the first responses."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = open_report(browser, run / "report.html", 1080)
        page.evaluate(
            """() => {
              for (const hidden of document.querySelectorAll(
                "nav, .skip, #results > .scroll, section:not(#results, #responses), footer, .pager,"
                + " #response-rows tr:nth-child(n + 3)"
              )) hidden.remove();
            }"""
        )
        save_picture(page.screenshot(full_page=True), picture)
        browser.close()


def save_picture(screenshot: bytes, picture: Path, colours: int = 40) -> None:
    """Save a screenshot with a small palette, which makes a small file."""
    from PIL import Image

    drawn = Image.open(io.BytesIO(screenshot)).convert("RGB")
    drawn.quantize(colours, dither=Image.Dither.NONE).save(picture, optimize=True)


def write_large_report(run: Path, prompts: int, folder: Path) -> Path:
    from tests.large_run import enlarge

    large = enlarge(run, folder / run.name, prompts)
    begin = time.monotonic()
    write_report(large)
    print(f"{prompts} prompts: written in {time.monotonic() - begin:.1f} s")
    return large


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--output", "-o", type=Path, default=Path("screenshots"))
    parser.add_argument("--prompts", type=int)
    parser.add_argument("--picture", type=Path, help="take the README's picture only")
    options = parser.parse_args()
    if options.picture is not None:
        take_picture(options.run, options.picture)
    elif options.prompts is None:
        main(options.run, options.output)
    else:
        with tempfile.TemporaryDirectory() as work:
            main(write_large_report(options.run, options.prompts, Path(work)), options.output)
