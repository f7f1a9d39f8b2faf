"""What `/openapi.json` says of the answers is what they are."""

from collections.abc import Iterator

import pytest

from finished_run import write_run
from http_server import Server, serving
from quotetune import Document, build_index

FOX = "The quick brown fox jumps over the lazy dog. A quick brown dog sleeps."
TEXT = "He saw the quick brown fox jumps over the lazy cat."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("description")
    run = write_run(folder / "runs", rounds=2)
    build_index([Document("fables", "fox", FOX, {"title": "Fox"})], folder / "index", n=5)
    with serving(folder, folder / "index", "--run", run, "--rate", 100_000) as server:
        yield server


ASKED = [
    ("/score", {"texts": [TEXT]}),
    ("/trace", {"texts": [TEXT], "snippet_chars": 5}),
    ("/cite", {"texts": [TEXT], "min_chars": 8}),
    ("/quip", {"documents": [TEXT]}),
    ("/quip", {"documents": [TEXT], "format_quotes": True}),
    ("/", {"query_type": "count", "query": "fox"}),
    ("/index/attribution", {"response": TEXT, "maximumSpanDensity": 1}),
    ("/documents?source=fables&id=fox", None),
    ("/indexes", None),
    ("/healthz", None),
    ("/runs", None),
    ("/runs/run", None),
    ("/runs/run/prompts", None),
    ("/runs/run/prompts/1", None),
]


@pytest.mark.parametrize(("path", "body"), ASKED, ids=[path for path, _ in ASKED])
def test_the_description_says_what_the_answers_contain(server: Server, path: str, body) -> None:
    """An answer of a route has the keys and the types of its schema, and no others."""
    described = server.get("/openapi.json").json
    route = path.partition("?")[0].replace("/index/", "/{index}/")
    route = route.replace("/runs/run", "/runs/{run}").replace("/prompts/1", "/prompts/{number}")
    operation = described["paths"][route]["get" if body is None else "post"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    answer = server.get(path) if body is None else server.post(path, body)
    assert answer.status == 200 and schema
    check_shape(answer.json, schema, described)


def check_shape(value: object, schema: dict, described: dict) -> None:
    """A naive validator of the part of JSON schema that the description uses."""
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        of_null = [one for one in schema["anyOf"] if one.get("type") == "null"]
        schema = next(one for one in schema["anyOf"] if one not in of_null)
        if value is None:
            assert of_null
        else:
            check_shape(value, schema, described)
        return
    kinds = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}
    match schema.get("type"):
        case None:  # any value
            assert set(schema) <= {"title"}
        case "object" if "properties" in schema:
            assert set(schema["required"]) <= set(value) <= set(schema["properties"])
            for key, one in value.items():
                check_shape(one, schema["properties"][key], described)
        case "object":
            assert isinstance(value, dict)
            inside = schema.get("additionalProperties")
            for one in value.values():
                check_shape(one, inside if isinstance(inside, dict) else {}, described)
        case "array":
            items = [schema["items"]] * len(value) if "items" in schema else schema["prefixItems"]
            for one, kind in zip(value, items, strict=True):
                check_shape(one, kind, described)
        case kind:
            assert isinstance(value, kinds[kind])
            assert kind == "boolean" or not isinstance(value, bool)
