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


def marked_places(page) -> set[int]:
    """The characters (code points) of the shown text that are inside marks."""
    parts = page.evaluate(
        "[...document.getElementById('marked').childNodes].map((n) => [n.textContent, n.nodeName])"
    )
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
