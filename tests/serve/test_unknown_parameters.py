"""A query parameter that no route knows is refused, because it may be a misspelt one."""

from collections.abc import Iterator

import pytest

from fake_upstream import completion, fake_upstream, whole
from finished_run import write_run
from http_server import Server, serving

# Each route with what it needs, and its parameters as docs/serve.md has them.
ROUTES = {
    "/documents": ("source=a&id=b", "source, id, index, start or end"),
    "/indexes": ("", ""),
    "/healthz": ("", ""),
    "/metrics": ("", ""),
    "/runs": ("", ""),
    "/runs/run": ("", ""),
    "/runs/run/prompts": ("", "search, order, start or count"),
    "/runs/run/prompts/1": ("", "sample"),
    "/v1/models": ("", ""),
}
POSTED = {
    "/score": ({"texts": []}, ""),
    "/trace": ({"texts": []}, ""),
    "/cite": ({"texts": []}, ""),
    "/v1/chat/completions": ({"messages": []}, "index or footnotes"),
}
MISSPELT = ["end_", "END", "", "sampel", "index[]", "api_key", "%C3%A9", "%00", "%ff", "a.b"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("parameters")
    run = write_run(folder, rounds=2)
    with fake_upstream() as upstream:
        upstream.answers(whole(completion("abc")))
        options = ["--upstream", upstream.url, "--rate", 100_000]
        with serving(folder, folder / "index", "--run", run, *options) as server:
            yield server


def expected(known: str) -> str:
    return "unknown parameter: " + (f"choose {known}" if known else "leave it out")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("name", MISSPELT)
def test_an_unknown_parameter_is_named_with_the_known_ones(server, path: str, name: str) -> None:
    good, known = ROUTES[path]
    for query in (f"{name}=1", f"{name}", f"{good}&{name}=1", f"{name}=1&{good}"):
        if query.strip("&") in ("", good):
            continue  # an empty name without a value is nothing
        answer = server.get(f"{path}?{query}")
        assert answer.status == 422 and answer.json["error"].endswith(expected(known)), query
        assert len(answer.body) < 300


@pytest.mark.parametrize("path", POSTED)
def test_a_route_that_takes_a_body_takes_no_other_parameters(server: Server, path: str) -> None:
    body, known = POSTED[path]
    assert server.post(path, body).status == 200
    answer = server.post(f"{path}?footnote=true", body)
    assert (answer.status, answer.json["error"]) == (422, f"footnote: {expected(known)}")


def test_a_long_name_is_not_repeated_whole(server: Server) -> None:
    answer = server.get("/indexes?" + "y" * 5000)
    assert answer.json["error"] == "y" * 50 + "\u2026: unknown parameter: leave it out"


def test_every_route_of_the_description_is_checked(server: Server) -> None:
    """Clients of other services may send what those know, as they may in the body."""
    described = server.get("/openapi.json").json["paths"]
    peers = {"/quip", "/", "/{index}/attribution"}
    named = {path.replace("/runs/run", "/runs/{run}").replace("/1", "/{number}") for path in ROUTES}
    assert set(described) - peers == named | set(POSTED)
    assert server.post("/?unknown=1", {"query": "fox"}).status == 200


def test_the_page_may_be_opened_with_any_parameter(server: Server) -> None:
    assert server.get("/?utm_source=mail").status == 200


def test_nothing_was_an_error_of_the_server(server: Server) -> None:
    assert {line["status"] for line in server.lines()} == {200, 422}
    assert "Traceback" not in server.errors.read_text()
