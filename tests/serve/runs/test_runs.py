"""Runs over HTTP: the figures are those of the report, the responses those of the files."""

from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

from finished_run import ANSWERS
from html_page import Element, read_page
from http_server import Server
from quotetune import Index
from quotetune.report import write_report
from served_runs import HOSTILE, SAMPLES


def html(tree: list) -> str:
    """Write a tree as HTML, without knowing how it was read."""
    parts = []
    for part in tree:
        if isinstance(part, str):
            parts.append(escape(part))
        else:
            name, attributes, *inside = part
            written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
            parts.append(f"<{name}{written}>{html(inside)}</{name}>")
    return "".join(parts)


def page_of(tree: list, folder: Path) -> Element:
    (folder / "tree.html").write_text(html(tree))
    return read_page(folder / "tree.html")


def letters(element: Element) -> str:
    """All text of an element. White space between elements shows nothing."""
    return "".join(element.text.split())


def test_the_figures_are_those_of_the_report(server: Server, folder: Path) -> None:
    described = server.get("/runs/run").json
    report = read_page(write_report(folder / "run"))
    assert described["lead"] in report.one("header").words
    shown = page_of(described["cards"] + described["figures"], folder)
    for id in ("curves", "distributions", "pairs", "trainings", "times", "metrics"):
        ours, theirs = (one.one("section", id=id) for one in (shown, report))
        assert letters(ours) == letters(theirs)
        for tag in ("svg", "rect", "circle", "td", "polyline"):
            drawn = [[one.attributes for one in side.all(tag)] for side in (ours, theirs)]
            assert drawn[0] == drawn[1]
    results = report.one("section", id="results")
    table = shown.one("section", id="table").one("table")
    assert letters(table) == letters(results.one("table"))
    cards = shown.one("section", id="results").one("ul")
    assert letters(cards) == letters(results.one("ul"))
    sections = [section["id"] for section in described["sections"]]
    here = [section.attributes["id"] for section in shown.all("section")]
    assert sections == [*here[:1], "responses", *here[1:]]


def test_the_tree_has_no_script_and_its_references_lead_somewhere(server, folder: Path) -> None:
    described = server.get("/runs/run").json
    shown = page_of(described["cards"] + described["figures"], folder)
    ids = [one.attributes["id"] for one in shown.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in shown.all():
        assert one.tag not in ("script", "style", "iframe", "link")
        assert not [name for name in one.attributes if name.startswith("on") or name == "style"]
        assert one.attributes.get("aria-labelledby", ids[0]) in ids
        assert one.attributes.get("href", f"#{ids[0]}").removeprefix("#") in ids


def test_each_response_of_each_row_can_be_had(server: Server) -> None:
    for number, (prompt, drawn) in enumerate(ANSWERS.items()):
        for sample in range(SAMPLES):
            found = server.get(f"/runs/run/prompts/{number}?sample={sample}").json
            assert (found["text"], found["samples"]) == (prompt, SAMPLES)
            texts = {
                key: response and response["text"] for key, response in found["responses"].items()
            }
            # Rows with one response show it beside all others.
            assert texts == {
                "base": drawn[0],
                "round-1": f"{drawn[1]} {sample}",
                "round-2": drawn[2],
            }
            first = found["responses"]["round-1"]
            assert first["length"] == len(first["text"]) and first["cut"] == (first["length"] > 70)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/run/prompts/3", 404),
        ("/runs/run/prompts/0?sample=3", 404),
        ("/runs/run/prompts/-1", 422),
        ("/runs/run/prompts/0?sample=-1", 422),
        ("/runs/run/prompts/1e3", 422),
        ("/runs/run/prompts/" + "9" * 30, 422),
        ("/runs/run/prompts?count=101", 422),
        ("/runs/run/prompts?count=0", 422),
        ("/runs/run/prompts?order=up", 422),
        ("/runs/run/prompts?start=-1", 422),
        ("/runs/run/prompts?search=" + "x" * 1001, 422),
        ("/runs/nothing", 404),
        ("/runs/..", 404),
        ("/runs/%2e%2e%2frun", 404),
        ("/runs/..%2frun/prompts", 404),
        ("/runs/%00/prompts/0", 404),
        ("/runs/<i>x", 404),
        ("/runs/" + "a" * 5000 + "/prompts", 404),
    ],
)
def test_what_is_not_there_is_refused(server: Server, path: str, status: int) -> None:
    answer = server.get(path)
    assert answer.status == status and list(answer.json) == ["error"]
    assert len(answer.body) < 300 and str(Path.cwd()) not in answer.body.decode()


def naive_prompts(search: str) -> list[str]:
    return [p for p in ANSWERS if all(word in p.lower() for word in search.lower().split())]


@pytest.mark.parametrize(
    "search", ["", "what", "WHAT mo", "moves? what", "jump", "none", "p1", "?"]
)
def test_a_search_finds_the_prompts_that_contain_all_of_its_words(server, search: str) -> None:
    found = server.get(f"/runs/run/prompts?search={quote(search)}").json
    expected = ["What moves?"] if search == "p1" else naive_prompts(search)
    assert [prompt["text"] for prompt in found["prompts"]] == expected
    assert found["found"] == len(expected)


def test_prompts_come_in_pages_and_orders(server: Server) -> None:
    everything = server.get("/runs/run/prompts").json["prompts"]
    assert [prompt["number"] for prompt in everything] == [0, 1, 2]
    pages = [server.get(f"/runs/run/prompts?start={at}&count=1").json for at in range(4)]
    assert [page["prompts"] for page in pages] == [[one] for one in everything] + [[]]
    assert {page["found"] for page in pages} == {3}

    def gain(prompt: dict) -> float:
        return prompt["after"] - prompt["before"]

    rising = server.get("/runs/run/prompts?order=gain").json["prompts"]
    assert rising == sorted(everything, key=gain, reverse=True)
    falling = server.get("/runs/run/prompts?order=loss").json["prompts"]
    assert falling == sorted(everything, key=gain) and falling != rising


def test_the_numbers_of_a_prompt_are_means_over_its_responses(server: Server, folder) -> None:
    index = Index.open(folder / "index")
    for prompt, drawn in zip(
        server.get("/runs/run/prompts").json["prompts"], ANSWERS.values(), strict=True
    ):
        for key, text in (("before", drawn[0]), ("after", drawn[2])):
            [report] = index.score([text])
            assert prompt[key] == (report.quip_25_beta or 0.0)


def test_text_of_a_run_is_text_in_every_answer(server: Server, folder: Path) -> None:
    described = server.get("/runs/evil")
    listed = server.get("/runs/evil/prompts")
    found = server.get("/runs/evil/prompts/0")
    for answer in (described, listed, found):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert described.json["title"] == "<i>x" and described.json["facts"][0] == HOSTILE
    shown = page_of(described.json["cards"] + described.json["figures"], folder)
    assert not shown.all("img") and not shown.all("script")
    assert found.json["responses"]["base"]["text"] == HOSTILE
    assert listed.json["prompts"][0]["text"] == HOSTILE


def test_no_answer_was_an_error_of_the_server(server: Server) -> None:
    assert {line["status"] for line in server.lines()} <= {200, 404, 409, 422, 503}
    assert "Traceback" not in server.errors.read_text()
