"""The page in a real browser, with a real index: what a person sees and does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from http_server import Server, serving
from page_use import choose_index, clipboard, find_quotes, mark_of, marked_places, says
from quotetune import Document, Index, build_index, cite
from quotetune.pages.quote_levels import levels
from quotetune.rendering.marked import merged_spans

N = 10
FOX = "The quick brown fox jumps over the lazy dog. A quick brown dog sleeps in the warm sun."
SEA = "Whales sing in the deep sea, and their songs travel for a thousand miles."
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
FRUIT = ("red apples and green pears", "green pears and blue plums with cream")
TYPOGRAPHY = "She said: “Wait… the ﬁsh – and the ﬂowers – are here”, and went on."
CORPUS = [
    *(Document("fruit", str(number), text, {}) for number, text in enumerate(FRUIT)),
    Document("fables", "fox", FOX, {"title": "The fox", "url": "https://example.org/fox"}),
    Document("fables", "copy", "Again: " + FOX, {}),
    Document("nature", "sea", SEA * 40, {"title": "The sea"}),
    Document(
        HOSTILE, HOSTILE, f"{HOSTILE} & so on", {"title": HOSTILE, "url": "javascript:alert(3)"}
    ),
]
TEXT = (
    "\U0001f98a He saw the quick brown fox jumps over the lazy cat.\n\n"
    f"I think {SEA[:40]} or so. {HOSTILE}"
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("browser")
    build_index(CORPUS, folder / "filter", n=N, structures="bloom")
    build_index([TYPOGRAPHY], folder / "fold", n=N, normalization="fold")
    build_index(CORPUS, folder / "lean", n=N, structures=["bloom", "lean"])
    return build_index(CORPUS, folder / "index", n=N)


@pytest.fixture(scope="module")
def server(index: Index) -> Iterator[Server]:
    folder = Path(index.path).parent
    others = [folder / name for name in ("filter", "fold", "lean")]
    with serving(folder, f"all={index.path}", *others) as server:
        yield server


def test_the_text_is_shown_with_the_quotes_of_the_index_and_its_numbers(
    server, index, visit
) -> None:
    page = visit(server)
    find_quotes(page, TEXT)
    assert page.locator("#marked").text_content() == TEXT
    quotes = index.trace(TEXT)
    places = {place for span in merged_spans(quotes) for place in range(*span)}
    assert marked_places(page) == places
    assert page.locator("#quip").text_content() == f"{index.quip([TEXT])[0]:.1%}"
    assert page.locator("#coverage").text_content() == f"{len(places) / len(TEXT):.1%}"
    longest = max(len(quote.text) for quote in quotes)
    assert page.locator("#longest").text_content() == str(longest)
    assert (
        page.locator("#status").text_content() == f"{len(quotes)} quotes of 10 characters or more."
    )
    legend = page.locator("#legend .level").all_text_contents()
    assert [int(re.split(r"[–+]", entry)[0]) for entry in legend] == levels(N)


def test_the_marks_tell_length_and_rarity(server, index, visit) -> None:
    page = visit(server)
    find_quotes(page, TEXT)
    once, twice, many = (mark_of(page, text) for text in (HOSTILE[:20], "brown fox", "Whales"))
    shown = [mark.get_attribute("class") for mark in (once, twice, many)]
    assert shown == ["once", "few", "many"]
    for mark, characters in ((once, len(HOSTILE)), (twice, 39), (many, 40)):
        level = sum(characters >= edge for edge in levels(N)) - 1
        assert mark.locator("span").get_attribute("class") == f"level-{level}"


def test_a_place_in_several_quotes_belongs_to_the_longest_and_all_can_be_read(
    server, visit
) -> None:
    page = visit(server)
    find_quotes(page, "Eat red apples and green pears and blue plums with cream.")
    marks = page.locator("#marked mark")
    assert marks.all_text_contents() == ["red apples and ", FRUIT[1]]
    marks.last.click()
    page.wait_for_selector("#panel .excerpt")
    page.get_by_label("Quotes here").select_option(index=1)
    page.locator("#panel").filter(has_text="fruit/0").wait_for()
    assert page.locator(".excerpt mark").text_content() == FRUIT[0]


def test_a_quote_under_the_pointer_shows_its_count_and_first_documents(server, visit) -> None:
    page = visit(server)
    find_quotes(page, TEXT)
    mark_of(page, "brown fox").hover()
    page.wait_for_selector("#sources:not([hidden])")
    box = page.locator("#sources-body")
    assert "39 characters, 2 times in the corpus" in box.text_content()
    assert box.locator("li").all_text_contents() == ["The fox fables/fox", "copy fables/copy"]
    link = box.locator("a")
    assert link.get_attribute("href") == "https://example.org/fox"
    assert link.get_attribute("rel") == "noopener noreferrer"
    page.mouse.move(1, 1)
    page.locator("#sources").wait_for(state="hidden")


def test_a_click_opens_the_document_around_the_quote(server, index, visit) -> None:
    page = visit(server)
    find_quotes(page, TEXT)
    mark_of(page, "Whales").click()
    excerpt = page.get_by_role("region", name="The document around the quote")
    document = index.document("nature", "sea").text
    (quote,) = [quote for quote in index.trace(TEXT) if "Whales" in quote.text]
    start = quote.documents[0].offset
    end = start + len(quote.text)
    assert excerpt.text_content() == document[: end + 400] + "…"
    assert excerpt.locator("mark").text_content() == document[start:end]
    page.get_by_role("button", name="Show more").click()
    excerpt.filter(has_text=document[: end + 400 + 2000]).wait_for()
    page.get_by_role("button", name="Close").last.click()
    assert page.locator("#panel").is_hidden()


def test_other_documents_of_a_quote_can_be_chosen(server, visit) -> None:
    page = visit(server)
    find_quotes(page, TEXT)
    mark_of(page, "brown fox").click()
    page.wait_for_selector("#panel .excerpt")
    page.get_by_label("Documents").select_option(label="fables/copy")
    page.locator(".excerpt").filter(has_text="Again: ").wait_for()
    assert "fables/copy" in page.locator("#panel").text_content()


def test_what_is_copied_is_what_cite_prints(server, index, visit) -> None:
    page = visit(server)
    find_quotes(page, TEXT)
    page.get_by_role("button", name="Copy with footnotes").click()
    assert clipboard(page) == str(cite(TEXT, index, min_chars=N))
    mark_of(page, "Whales").click()
    page.wait_for_selector("#panel .excerpt")
    quoted = page.locator(".excerpt mark").text_content()
    page.evaluate("document.getElementById('status').textContent = ''")
    page.get_by_role("button", name="Copy quote").click()
    cited = clipboard(page)
    assert cited == str(cite(quoted, index, min_chars=8)) and cited.count("[^1]") == 2


def test_without_a_clipboard_the_text_is_there_to_be_copied(server, index, visit) -> None:
    page = visit(server, permissions=[])
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    find_quotes(page, TEXT)
    page.get_by_role("button", name="Copy with footnotes").click()
    field = page.get_by_label("The browser does not let this page copy.")
    assert field.input_value() == str(cite(TEXT, index, min_chars=N))


def test_hostile_text_is_shown_as_text(server, visit) -> None:
    page = visit(server)
    find_quotes(page, TEXT)
    mark = mark_of(page, "<img")
    mark.hover()
    page.wait_for_selector("#sources:not([hidden])")
    mark.click()
    page.wait_for_selector("#panel .excerpt")
    assert HOSTILE in page.locator(".excerpt").text_content()
    assert HOSTILE in page.locator("#panel-body strong").text_content()
    assert page.locator("img, #panel a, main script").count() == 0


def test_the_slider_hides_shorter_quotes_and_finds_shorter_ones(server, index, visit) -> None:
    page = visit(server)
    text = TEXT + " zz sleeps zz"
    assert len(index.trace(text, 8)) > len(index.trace(text, N)) > len(index.trace(text, 40)) > 0
    find_quotes(page, text)
    slider = page.get_by_label("Shortest quote")
    for least in (40, 8, 12):
        slider.fill(str(least))
        quotes = index.trace(text, least)
        says(page, f" of {least} characters or more.")
        assert page.locator("#status").text_content().startswith(f"{len(quotes)} quote")
        places = {place for span in merged_spans(quotes) for place in range(*span)}
        assert marked_places(page) == places


def test_a_folded_quote_is_shown_as_the_document_has_it(server, visit) -> None:
    page = visit(server)
    choose_index(page, "fold")
    find_quotes(page, 'He says "Wait... the fish - and the flowers - are here" too.')
    page.locator("#marked mark").click()
    page.wait_for_selector("#panel .excerpt")
    assert page.locator(".excerpt").text_content() == TYPOGRAPHY
    start, end = TYPOGRAPHY.index(" “Wait"), TYPOGRAPHY.index(", and")
    assert page.locator(".excerpt mark").text_content() == TYPOGRAPHY[start:end]


def test_a_lean_index_has_no_quotes_shorter_than_n(server, visit) -> None:
    page = visit(server)
    choose_index(page, "lean")
    find_quotes(page, TEXT)
    assert page.get_by_label("Shortest quote").get_attribute("min") == str(N)
    page.locator("#marked mark").last.click()
    page.wait_for_selector("#panel .excerpt")


def test_a_filter_marks_what_it_reports(server, index, visit) -> None:
    page = visit(server)
    choose_index(page, "filter")
    find_quotes(page, TEXT)
    (report,) = index.score([TEXT], max_documents=0)
    assert marked_places(page) == {at for span in report.covered for at in range(*span)}
    assert page.locator("#marked [role=button]").count() == 0
    assert page.get_by_label("Shortest quote").is_hidden()
