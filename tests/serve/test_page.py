"""The page by HTTP: its policy, its files, and what it may not contain."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote as percent_encoded

import pytest

from html_page import Element, read_page
from http_server import Answer, Server, serving
from quotetune import Document, build_index
from quotetune.pages.quote_levels import LEVELS

TOKEN = "0123456789abcdef0123"
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
HANDLER = re.compile(r"on[a-z]+|style|srcdoc")
SVG = '"http://www.w3.org/2000/svg"'  # a name, from which nothing is loaded
AS_HTML = "innerHTML|outerHTML|insertAdjacentHTML|write|eval|Function|DOMParser|createContextualF"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    hostile = Document(
        HOSTILE, HOSTILE, HOSTILE * 2, {"title": HOSTILE, "url": "javascript:alert()"}
    )
    build_index([hostile], folder / "secret-name", n=8)
    (folder / "token").write_text(TOKEN)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    token = folder / "token"
    with serving(folder, folder / "secret-name", "--auth-token-file", token) as server:
        yield server


@pytest.fixture(scope="module")
def answer(server: Server) -> Answer:
    return server.get("/")


@pytest.fixture(scope="module")
def page(answer: Answer, folder: Path) -> Element:
    (folder / "page.html").write_bytes(answer.body)
    return read_page(folder / "page.html")


def files(page: Element) -> dict[str, Element]:
    elements = [*page.all("script"), *page.all("link", rel="stylesheet")]
    return {
        element.attributes.get("src") or element.attributes["href"]: element for element in elements
    }


def test_the_policy_lets_only_files_of_this_server_run(answer: Answer) -> None:
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(
        directive.split(" ", 1)
        for directive in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    for kind in ("script-src", "style-src", "connect-src"):
        assert policy[kind] == "'self'"
    for kind in ("base-uri", "form-action", "frame-ancestors", "trusted-types"):
        assert policy[kind] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_no_script_or_style_is_in_the_html(page: Element) -> None:
    assert [script.text for script in page.all("script")] == [""] and not page.all("style")
    for element in page.all():
        assert not any(map(HANDLER.fullmatch, element.attributes)), element.tag


def test_the_page_names_its_files_with_their_hashes(server: Server, page: Element) -> None:
    named = files(page)
    assert set(named) == {"assets/page.css", "assets/page.js"}
    for path, element in named.items():
        body = server.get(f"/{path}").body
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert element.attributes["integrity"] == f"sha256-{digest}"


def test_nothing_of_the_page_is_on_another_server(server: Server, page: Element, answer) -> None:
    for text in [
        answer.body.decode(),
        *(server.get(f"/{path}").body.decode() for path in files(page)),
    ]:
        text = text.replace(SVG, "")
        assert not re.search(r"https?://|['\"(]//|@import|url\(|\.map\b.*sourceMapping", text)


def test_no_script_can_read_text_as_html(server: Server) -> None:
    script = server.get("/assets/page.js").body.decode()
    assert not re.search(rf"\.({AS_HTML})\b|\b(eval|Function)\(", script)


def test_anyone_may_load_the_page_because_nothing_of_an_index_is_in_it(server, answer) -> None:
    for path in ("/assets/page.css", "/assets/page.js"):
        assert server.get(path).status == 200
    assert b"secret-name" not in answer.body
    assert server.get("/indexes").status == server.post("/", {"query": "a"}).status == 401


@pytest.mark.parametrize(
    "name", ["", "page.html", "..%2fpage.py", "../page.py", "%00", "page.js/a"]
)
def test_no_other_file_is_an_asset(server: Server, name: str) -> None:
    answer = server.get(f"/assets/{name}", authorization=f"Bearer {TOKEN}")
    assert answer.status == 404 and answer.headers["Content-Type"] == "application/json"


def test_the_page_is_not_shown_under_the_name_of_another_site(server: Server) -> None:
    assert server.get("/", host="evil.example").status == 403
    assert server.get("/", origin="https://evil.example").status == 403


def test_the_colours_change_at_the_lengths_of_the_report(page: Element) -> None:
    shown = page.one("div", id="levels").attributes["data-levels"]
    assert tuple(map(float, shown.split())) == LEVELS


def test_hostile_text_comes_back_as_json_that_no_browser_takes_for_a_page(server: Server) -> None:
    name = percent_encoded(HOSTILE, safe="")
    token = {"authorization": f"Bearer {TOKEN}"}
    answers = [
        server.post("/trace", {"texts": [HOSTILE], "snippet_chars": 5}, **token),
        server.post("/cite", {"texts": [HOSTILE], "min_chars": 8}, **token),
        server.get(f"/documents?source={name}&id={name}", **token),
        server.get(f"/documents?source={name}&id=no", **token),
        server.get(f"/{name}", **token),
    ]
    assert [answer.status for answer in answers] == [200, 200, 200, 404, 404]
    assert b"onerror" in answers[0].body and b"onerror" in answers[2].body
    for answer in answers:
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
