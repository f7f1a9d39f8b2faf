"""A headless Chromium for the tests that look at pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def what_is_missing() -> str | None:
    """Say what to install before a page can be opened; None if all is there."""
    named = os.environ.get("CHROMIUM")
    if named and shutil.which(named) is None:
        return f"CHROMIUM is {named}, which is no program: correct it"
    if _path() is None:
        return "no Chromium: apt-get install chromium, or set CHROMIUM to one"
    if find_spec("playwright") is None:
        return "no playwright: pip install -r requirements/browser.txt"
    return None


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Start the browser that `CHROMIUM` names, or one on the path."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # A container without user namespaces has no sandbox, and the pages are our own.
        browser = playwright.chromium.launch(executable_path=_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


def _path() -> str | None:
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
