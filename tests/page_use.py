"""What a person does with the page of the service, and sees on it."""


def find_quotes(page, text: str) -> None:
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Find quotes").click()
    page.wait_for_selector("#result:not([hidden])")


def mark_of(page, text: str):
    return page.locator("#marked mark").filter(has_text=text)


def says(page, text: str) -> None:
    page.get_by_role("status").filter(has_text=text).wait_for()


def clipboard(page) -> str:
    says(page, "Copied")
    return page.evaluate("navigator.clipboard.readText()")


def marked_places(page, area=None) -> set[int]:
    """The characters (code points) of the shown text that are inside marks."""
    shown = area or page.locator("#marked")
    parts = shown.evaluate("(area) => [...area.childNodes].map((n) => [n.textContent, n.nodeName])")
    places: set[int] = set()
    at = 0
    for text, name in parts:
        if name == "MARK":
            places |= set(range(at, at + len(text)))
        at += len(text)
    return places


def choose_index(page, name: str) -> None:
    page.wait_for_selector("#text-form:not([hidden])")
    page.get_by_label("Corpus").select_option(name)


def focused(page) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def tab_to(page, selector: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def serious_findings(page) -> list[dict]:
    """What axe-core finds that keeps people out."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [one for one in found if one["impact"] in ("serious", "critical")]
