"""A browser, and pages in it that record what they say and load."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from chromium import chromium, what_is_missing
from http_server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Visit = Callable[..., "Page"]


def pytest_configure() -> None:
    """Fail with one line, and not one test after the other."""
    missing = what_is_missing()
    if missing is not None:
        raise pytest.UsageError(missing)


# Not for the session: while it is open, an event loop runs, beside which no other can.
@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: "Browser") -> Iterator[Visit]:
    """Open a server's page. At the end no page may have said, shown or loaded anything else."""
    visited: list[tuple[Any, str, list[str], list[str], list[str]]] = []

    def open_page(server: Server, fragment: str = "", **options: Any) -> "Page":
        address = f"http://127.0.0.1:{server.port}/"
        # A browser reports each of them by itself. A page only finds out by a 401 that there is a
        # token, and a test names the others that it expects.
        refusals = [f"status of {status} " for status in (401, *options.pop("refused", ()))]
        width = options.pop("width", 1280)
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            has_touch=width < 700,
            is_mobile=width < 700,
            permissions=options.pop("permissions", ["clipboard-read", "clipboard-write"]),
            **options,
        )
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        visited.append((context, address, said, asked, refusals))
        page.goto(address + fragment)
        return page

    yield open_page
    for context, address, said, asked, refusals in visited:
        context.close()
        assert [line for line in said if not any(part in line for part in refusals)] == []
        assert [url for url in asked if not url.startswith((address, "data:,"))] == []
