"""The view of a run in a real browser: what a person sees, chooses and opens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from finished_run import ANSWERS, CORPUS, N
from html_page import read_page
from http_server import Server, serving
from page_use import marked_places
from quotetune import Index, build_index
from quotetune.rendering.marked import merged_spans
from quotetune.report import write_report
from served_runs import HOSTILE, SAMPLES, write_runs

FIRST, SECOND, THIRD = ANSWERS
TOKEN = "0123456789abcdef0123"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def arguments(folder: Path) -> list[object]:
    return write_runs(folder)


@pytest.fixture(scope="module")
def server(folder: Path, arguments: list[object]) -> Iterator[Server]:
    with serving(folder, *arguments) as server:
        yield server


def open_run(visit, server: Server, fragment: str = "#run=", **options):
    page = visit(server, fragment, **options)
    page.wait_for_selector("#answers .answer")
    return page


def answer(page, label: str):
    return page.get_by_role("article", name=label, exact=True)


def area(page, label: str):
    return answer(page, label).get_by_role("group")


def choose(page, prompt: str) -> None:
    page.get_by_role("list", name="Prompts").get_by_role("button", name=prompt).click()
    page.get_by_role("heading", name=prompt).wait_for()


def wait_for_marks(page, label: str) -> None:
    area(page, label).locator("mark").first.wait_for()


def test_the_base_is_beside_each_round_with_the_quotes_of_the_index(server, folder, visit) -> None:
    index = Index.open(folder / "index")
    page = visit(server)
    page.get_by_role("link", name="Runs").click()
    page.wait_for_selector("#answers .answer")
    assert page.get_by_role("heading", level=1).text_content() == "run"
    labels = page.locator("#answers h4").all_text_contents()
    assert labels == ["base", "round 1", "round 2"]
    texts = (ANSWERS[FIRST][0], f"{ANSWERS[FIRST][1]} 0", ANSWERS[FIRST][2])
    for label, text in zip(labels, texts, strict=True):
        wait_for_marks(page, label)
        assert area(page, label).text_content() == text
        expected = {at for span in merged_spans(index.trace(text)) for at in range(*span)}
        assert marked_places(page, area(page, label)) == expected
        [report] = index.score([text])
        numbers = answer(page, label).locator(".numbers").text_content()
        assert numbers.startswith(f"QUIP {report.quip_25_beta:.1%} · longest quote ")
    boxes = [answer(page, label).bounding_box() for label in labels]
    assert len({box["y"] for box in boxes}) == 1 and len({box["x"] for box in boxes}) == 3


def test_the_figures_look_as_in_the_report(server: Server, folder: Path, visit) -> None:
    report = read_page(write_report(folder / "run"))
    page = open_run(visit, server)
    cards = page.locator("#results .cards li").all_text_contents()
    expected = [card.text for card in report.one("section", id="results").one("ul").all("li")]
    assert list(map("".join, map(str.split, cards))) == ["".join(e.split()) for e in expected]
    charts = page.locator("#run-figures svg.chart")
    assert charts.count() == len(report.all("svg", class_="chart")) > 4
    # They are drawn, which needs the names of SVG in their case.
    for chart in charts.all():
        box = chart.bounding_box()
        assert box["width"] > 150 and abs(box["width"] / box["height"] - 400 / 230) < 0.05
    headings = page.locator("#run-sections a").all_text_contents()
    for heading in headings:
        assert page.get_by_role("heading", name=heading, exact=True, level=2).is_visible()


def test_a_quote_opens_its_box_and_its_document(server: Server, visit) -> None:
    page = open_run(visit, server)
    wait_for_marks(page, "round 2")
    mark = area(page, "round 2").locator("mark").first
    mark.hover()
    page.locator("#sources").filter(has_text="once in the corpus").wait_for()
    mark.click()
    excerpt = page.get_by_role("region", name="The document around the quote")
    assert excerpt.text_content() == CORPUS[0].text
    assert page.get_by_role("dialog", name="characters, once in the corpus").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    # In the other view the same panel is beside the text.
    answer(page, "round 2").get_by_role("button", name="Open as a text").click()
    page.locator("#marked mark").first.click()
    excerpt.filter(has_text=CORPUS[0].text).wait_for()
    assert page.locator("#marked + #panel").is_visible()


def test_prompts_are_searched_and_ordered_and_the_address_keeps_it(server: Server, visit) -> None:
    page = open_run(visit, server)
    prompts = page.locator("#prompt-list .prompt-text")
    assert prompts.all_text_contents() == list(ANSWERS)
    page.get_by_label("Search prompts").fill("WHAT e")
    page.get_by_text("1 to 2 of 2 prompts").wait_for()
    assert prompts.all_text_contents() == [SECOND, THIRD]
    page.get_by_label("Search prompts").fill("nothing at all")
    page.get_by_text("No prompt contains all of these words.").wait_for()
    page.get_by_label("Search prompts").fill("")
    page.get_by_text("1 to 3 of 3 prompts").wait_for()
    page.get_by_label("Order").select_option(label="largest loss in QUIP")
    page.locator("#prompt-list li").first.filter(has_text=SECOND).wait_for()
    ordered = prompts.all_text_contents()
    assert sorted(ordered) == sorted(ANSWERS) and ordered != list(ANSWERS)
    choose(page, THIRD)
    assert "order=loss" in page.url and "prompt=2" in page.url
    page.reload()
    page.get_by_role("heading", name=THIRD).wait_for()
    assert prompts.all_text_contents() == ordered
    assert page.locator("#prompt-list [aria-current] .prompt-text").text_content() == THIRD
    page.go_back()
    page.get_by_role("heading", name=FIRST).wait_for()


def test_all_responses_to_a_prompt_can_be_seen(server: Server, visit) -> None:
    page = open_run(visit, server)
    pager = page.get_by_role("group", name="Responses to the prompt")
    for sample in range(SAMPLES):
        text = f"{ANSWERS[FIRST][1]} {sample}"
        area(page, "round 1").filter(has_text=text).wait_for()
        assert pager.get_by_text(f"Response {sample + 1} of {SAMPLES}").is_visible()
        if sample + 1 < SAMPLES:
            pager.get_by_role("button", name="Next").click()
    assert pager.get_by_role("button", name="Next").is_disabled()
    assert area(page, "base").text_content() == ANSWERS[FIRST][0]
    choose(page, SECOND)
    assert pager.get_by_text(f"Response 1 of {SAMPLES}").is_visible()
    assert area(page, "round 2").text_content() == "(empty)"


def test_rows_can_be_left_out(server: Server, visit) -> None:
    page = open_run(visit, server)
    box = page.get_by_role("checkbox", name="round 1")
    box.uncheck()
    assert page.locator("#answers h4").all_text_contents() == ["base", "round 2"]
    box.check()
    wait_for_marks(page, "round 1")


def test_a_response_opens_as_a_text_and_the_way_back_leads_to_it(server: Server, visit) -> None:
    page = open_run(visit, server)
    answer(page, "round 2").get_by_role("button", name="Open as a text").click()
    page.locator("#marked mark").first.wait_for()
    assert page.get_by_label("Text", exact=True).input_value() == ANSWERS[FIRST][2]
    assert page.locator("#marked").text_content() == ANSWERS[FIRST][2]
    assert page.get_by_role("article").count() == 0
    page.reload()  # the address contains the text
    page.locator("#marked mark").first.wait_for()
    page.go_back()
    page.get_by_role("heading", name=FIRST).wait_for()
    assert page.locator("#marked").is_hidden()


def test_a_run_that_is_not_finished_says_so_and_another_can_be_chosen(server, visit) -> None:
    page = visit(server, "#run=begun", refused=[409])
    page.get_by_role("alert").filter(
        has_text="the run begun is not finished: wait until"
    ).wait_for()
    assert page.locator("#run").is_hidden()
    page.get_by_role("button", name="Look again").click()
    page.get_by_role("alert").filter(has_text="is not finished").wait_for()
    assert page.get_by_label("Run").locator("option").all_text_contents() == [
        *("run", "evil", "begun (not finished)")
    ]
    page.get_by_label("Run").select_option("run")
    page.wait_for_selector("#answers .answer")
    assert page.get_by_role("alert").filter(has_text="not finished").count() == 0


@pytest.mark.parametrize("name", ["nothing", "../run", "<img src=x>"])
def test_a_run_that_is_not_there_is_a_problem_in_words(server: Server, visit, name: str) -> None:
    page = visit(server, f"#run={name}")
    page.get_by_role("alert").filter(has_text="This server has no run of this name.").wait_for()
    assert page.locator("#run").is_hidden()


@pytest.mark.parametrize(
    "fragment", ["#run=run&prompt=99", "#run=run&sample=9", "#run=run&prompt=0&sample=7"]
)
def test_a_prompt_that_is_not_there_is_a_problem_in_words(server, visit, fragment: str) -> None:
    page = visit(server, fragment, refused=[404])
    page.get_by_role("alert").filter(has_text="The server says: no such").wait_for()
    choose(page, SECOND)
    page.wait_for_selector("#answers .answer")


@pytest.mark.parametrize("fragment", ["#run=run&start=x&prompt=-1&order=up&sample=1e9", "#run"])
def test_an_odd_address_is_read_as_far_as_it_makes_sense(server, visit, fragment: str) -> None:
    page = visit(server, fragment)
    if fragment == "#run":
        page.get_by_label("Text", exact=True).wait_for()
    else:
        page.get_by_role("heading", name=FIRST).wait_for()


def test_text_of_a_run_is_text(server: Server, visit) -> None:
    page = open_run(visit, server, "#run=evil")
    page.get_by_text(HOSTILE[:20]).first.wait_for()
    wait_for_marks(page, "round 1")
    assert area(page, "base").text_content() == HOSTILE
    assert HOSTILE[:40] in page.locator("#prompt-heading").text_content()
    assert HOSTILE[:40] in page.locator("#run-facts").text_content()
    assert page.locator("img, #answers script, #run script, i").count() == 0


def test_without_the_runs_index_nothing_is_marked_and_the_page_says_so(folder, visit) -> None:
    build_index(CORPUS[:2], folder / "part", n=N)
    (folder / "other").mkdir()
    with serving(folder / "other", folder / "part", "--run", folder / "run") as other:
        page = open_run(visit, other)
        assert "So no quotes are marked" in page.locator("#run-notes").text_content()
        assert area(page, "round 2").text_content() == ANSWERS[FIRST][2]
        page.wait_for_load_state("networkidle")
        assert page.locator("#answers mark").count() == 0
        assert page.get_by_label("Run").is_hidden()


def test_without_runs_there_is_one_view(folder: Path, visit) -> None:
    (folder / "none").mkdir()
    with serving(folder / "none", folder / "index") as other:
        page = visit(other, "#run=run")
        page.get_by_label("Text", exact=True).wait_for()
        assert page.get_by_role("navigation").count() == 0


def test_the_token_is_asked_for_once_for_both_views(folder: Path, arguments, visit) -> None:
    (folder / "guarded").mkdir()
    (folder / "token").write_text(TOKEN)
    with serving(folder / "guarded", *arguments, "--auth-token-file", folder / "token") as other:
        page = visit(other, "#run=run")
        page.get_by_label("Token of this server").fill(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#answers mark")
        answer(page, "round 2").get_by_role("button", name="Open as a text").click()
        page.wait_for_selector("#marked mark")
        assert TOKEN not in page.content() + page.url
