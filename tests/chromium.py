"""A headless Chromium for the tests that look at pages. Without one they fail, with one line."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Start the browser that `CHROMIUM` names, or one on the path."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.fail("no Chromium: apt-get install chromium, or set CHROMIUM to one", pytrace=False)
    if find_spec("playwright") is None:
        pytest.fail("no playwright: pip install playwright", pytrace=False)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # A container without user namespaces has no sandbox, and the pages are our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
