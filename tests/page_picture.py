"""Take the README's picture of the page: `python -m tests.page_picture RUN INDEX PICTURE`.

It serves the run and its index, and shows the prompt whose responses gained most, with the panel
of a quote open. It needs playwright, Pillow and a Chromium.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.browser import save_picture
from tests.chromium import chromium, what_is_missing
from tests.http_server import serving

WIDTH, HEIGHT = 1180, 780


def main(run: Path, index: Path, picture: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), index, "--run", run) as server,
        chromium() as browser,
    ):
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce"
        )
        page.goto(f"http://127.0.0.1:{server.port}/#run={run.name}&order=gain")
        longest = page.locator("#answers .answer").last.locator(
            "mark:has(.level-1, .level-2, .level-3)"
        )
        longest.first.click()
        page.wait_for_selector("#panel .excerpt")
        page.locator("#responses").evaluate("(section) => section.scrollIntoView()")
        page.mouse.move(1, 1)
        save_picture(page.screenshot(), picture, colours=128)


if __name__ == "__main__":
    if (missing := what_is_missing()) is not None:
        sys.exit(f"error: {missing}")
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("run", "index", "picture"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    main(options.run, options.index, options.picture)
