"""The page of the service, for people: its HTML, and the style and script beside it."""

from dataclasses import dataclass
from typing import NamedTuple

from fastapi import APIRouter, HTTPException
from starlette.responses import HTMLResponse, Response

from quotetune.pages.quote_levels import LEVELS
from quotetune.pages.template_files import content_hash, joined_files, template_environment
from quotetune.report.figures import HEADINGS

PAGE = "/"
ASSETS = "/assets/"

_STYLES = ("look.css", "figures.css", "page.css", "runs.css")
# The last one starts the page.
_SCRIPTS = (
    "elements.js",
    "quote_box.js",
    "service.js",
    "voice.js",
    "numbers.js",
    "permalink.js",
    "copying.js",
    "quotes.js",
    "marked_text.js",
    "document_panel.js",
    "text_view.js",
    "tree.js",
    "pager.js",
    "prompt_list.js",
    "run_responses.js",
    "run_view.js",
    "page.js",
)
# Only files of this server run and style, and only this server is asked. With trusted types, a
# browser refuses to read any text as HTML, so text of a corpus stays text even after a mistake.
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    # A link in the page does not tell other servers where it stands.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Asset(NamedTuple):
    """A file beside the page."""

    text: str
    media_type: str


@dataclass(frozen=True)
class Page:
    """The page, which is the same for everybody: it contains nothing of an index.

    Attributes:
        html: The page.
        assets: The files beside it, by name.
    """

    html: str
    assets: dict[str, Asset]


def read_page() -> Page:
    """Fill the template, and join the files beside it.

    Example:
        >>> sorted(read_page().assets)
        ['page.css', 'page.js']
    """
    environment = template_environment("quotetune.serve")
    assets = {
        "page.css": Asset(joined_files(environment, *_STYLES), "text/css"),
        "page.js": Asset(joined_files(environment, *_SCRIPTS), "text/javascript"),
    }
    html = environment.get_template("page.html").render(
        # The paths are relative, so the page also works below a path of a proxy.
        assets={name: (ASSETS[1:] + name, content_hash(assets[name].text)) for name in assets},
        levels=LEVELS,
        headings=HEADINGS,
    )
    return Page(html, assets)


def page_routes() -> APIRouter:
    """Return the routes of the page. Anyone may load them, because the page asks for the token."""
    page = read_page()
    router = APIRouter()

    @router.get(PAGE, response_class=HTMLResponse)
    async def html() -> Response:
        """Show the page, for people."""
        return Response(page.html, media_type="text/html", headers=_HEADERS)

    @router.get(ASSETS + "{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in page.assets:
            raise HTTPException(404)
        text, media_type = page.assets[name]
        return Response(text, media_type=media_type)

    return router
