"""Who may ask: addresses, tokens, and pages of other sites."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import command_line
from http_server import Server, serving
from quotetune import UsageError, build_index
from quotetune.serve.settings import Limits, Settings, named_paths, read_token

TOKEN = "0123456789abcdef0123"
PAGE = "https://page.example"
BODY = {"texts": ["banana"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("access")
    build_index(["banana"], folder / "index", n=3)
    (folder / "token").write_text(TOKEN + "\n")
    options = ["--cors-origin", PAGE, "--allow-host", "Quotes.example", "--rate", 100_000]
    with serving(
        folder, folder / "index", "--auth-token-file", folder / "token", *options
    ) as server:
        yield server


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"]
)
@pytest.mark.parametrize("path", ["/score", "/trace", "/cite", "/quip", "/", "/index/attribution"])
def test_without_the_token_nothing_is_done(server: Server, given: str, path: str) -> None:
    answer = server.post(path, BODY, authorization=given)
    assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["error"] == "no valid token: send the header Authorization: Bearer TOKEN"


def test_with_the_token_all_is_answered_and_health_is_open(server: Server) -> None:
    assert server.post("/score", BODY, authorization=f"Bearer {TOKEN}").status == 200
    assert server.get("/metrics", authorization=f"bearer {TOKEN}").status == 200
    assert server.get("/healthz").status == 200
    for path in ("/indexes", "/metrics", "/openapi.json", "/documents?source=a&id=b", "/nothing"):
        assert server.get(path).status == 401, path
    assert TOKEN not in server.log.read_text() + server.errors.read_text()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("192.0.2.7:8000", 200),
        ("[::1]:8000", 200),
        ("quotes.example", 200),
        ("quotes.example.evil.example", 403),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("127.0.0.1@evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_the_host_is_an_address_or_a_name_that_was_allowed(server, host: str, status: int) -> None:
    assert server.get("/healthz", host=host).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (PAGE, 200),
        ("http://quotes.example", 200),
        ("https://evil.example", 403),
        (PAGE + ".evil.example", 403),
        ("null", 403),
        ("http://[::1", 403),
        ("", 403),
    ],
)
def test_only_own_pages_and_those_that_were_allowed_may_ask(server, origin, status: int) -> None:
    headers = {"host": "quotes.example", "origin": origin, "authorization": f"Bearer {TOKEN}"}
    answer = server.post("/score", BODY, **headers)
    assert answer.status == status
    assert (answer.headers["Access-Control-Allow-Origin"] == PAGE) == (origin == PAGE)


@pytest.mark.parametrize(
    ("host", "status"), [("quotes.example:8443", 200), ("quotes.example", 403), ("localhost", 403)]
)
def test_an_own_page_has_the_port_of_the_server(server: Server, host: str, status: int) -> None:
    headers = {"host": host, "authorization": f"Bearer {TOKEN}"}
    answer = server.post("/score", BODY, origin="https://quotes.example:8443", **headers)
    assert answer.status == status


def test_a_browser_is_told_what_a_page_may_send(server: Server) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    assert server.ask("OPTIONS", "/score", None, asked).status == 200
    refused = server.ask("OPTIONS", "/score", None, asked | {"Origin": "https://evil.example"})
    assert refused.status == 400 and "Access-Control-Allow-Origin" not in refused.headers


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_site_is_not_json(server: Server, kind: str) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": kind}
    assert server.post("/score", BODY, **headers).status == 415


def test_a_forwarded_address_is_not_believed(server: Server) -> None:
    server.get("/healthz", x_forwarded_for="203.0.113.9")
    assert {line["client"] for line in server.lines()} == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "quotes.example"])
def test_other_addresses_need_a_token(host: str) -> None:
    with pytest.raises(UsageError, match="--auth-token-file"):
        Settings({"a": "a"}, host=host)
    assert Settings({"a": "a"}, host=host, token=TOKEN).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert Settings({"a": "a"}, host=host).token is None


@pytest.mark.parametrize(
    "text", ["", "short", "a token with many spaces", "é" * 20, TOKEN * 2 + "\nx"]
)
def test_a_file_without_a_good_token_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    with pytest.raises(UsageError, match="token"):
        read_token(tmp_path / "token")


def test_settings_that_make_no_sense_are_usage_errors() -> None:
    for origin in ("*", "page.example", PAGE + "/", PAGE + "/path", "HTTPS://page.example"):
        with pytest.raises(UsageError, match="--cors-origin"):
            Settings({"a": "a"}, origins=(origin,))
    with pytest.raises(UsageError, match="rate is 0"):
        Settings({"a": "a"}, limits=Limits(rate=0))
    with pytest.raises(UsageError, match="another index is named 'b'"):
        named_paths(["a/b", "c/b"])
    with pytest.raises(UsageError, match="give the index as NAME=PATH"):
        named_paths(["a b"])


def test_settings_survive_the_way_to_a_worker() -> None:
    settings = Settings({"a": "b"}, token=TOKEN, origins=(PAGE,), limits=Limits(rate=0.5))
    assert Settings.from_json(settings.to_json()) == settings


def test_a_package_that_is_missing_is_named(quotetune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    status, _, error = quotetune("serve", "index")
    assert (status, error) == (
        2,
        "error: fastapi is not installed: pip install 'quotetune[serve]'\n",
    )


def test_the_command_says_what_is_wrong_before_it_listens(tmp_path: Path) -> None:
    result = command_line.quotetune("serve", tmp_path / "nothing")
    command_line.assert_fails(result, 1, "nothing: no index here")
    result = command_line.quotetune("serve", tmp_path, "--host", "0.0.0.0")
    command_line.assert_fails(result, 2, "without a token")
