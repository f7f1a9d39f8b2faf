"""What a request must be before anything is done for it: from whom, for whom, of which size."""

import ipaddress
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quotetune.serve.page import ASSETS, PAGE
from quotetune.serve.refusal import Refusal
from quotetune.serve.settings import Settings
from quotetune.serve.shared import SharedCounts
from quotetune.serve.strict_route import methods_at

# Those who watch the server have no token, and must get an answer when clients ask too much.
_ALWAYS_OPEN = "/healthz"
_READING = ("GET", "HEAD")
_JSON = "application/json"


class Gate:
    """ASGI middleware that refuses requests, and reads the body of others whole.

    A page of another site can make a browser send requests to a server on this machine, under a
    name that leads here (DNS rebinding). So the headers `Host` and `Origin` are checked even there.
    """

    def __init__(self, app: ASGIApp, settings: Settings, counts: SharedCounts) -> None:
        self._app = app
        self._settings = settings
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope, Headers(scope=scope))
            if scope["method"] not in _READING:
                body = await self._body(scope, receive)
                if body is None:
                    return
                receive = _whole(body, receive)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        self._check_names(headers)
        if scope["path"] == _ALWAYS_OPEN:
            return
        client = scope["client"][0] if scope.get("client") else ""
        rate = self._settings.limits.rate
        if not self._counts.may_ask(client, rate):
            message = f"more than {rate:g} requests per second: send several texts in one request"
            raise Refusal(429, message, {"Retry-After": str(max(1, round(1 / rate)))})
        if not _is_page(scope):
            self._check_token(headers)
        if scope["method"] == "POST":
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            # What takes no POST says so itself.
            if kind != _JSON and "POST" in methods_at(scope):
                raise Refusal(415, f"the content type is not {_JSON}: send JSON under this type")

    def _check_names(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise Refusal(
                403,
                "the header Host does not name this server: ask by its address, or start the "
                "server with --allow-host NAME",
            )
        for origin in headers.getlist("origin"):
            if not (origin in self._settings.origins or _is_of(origin, hosts[0])):
                raise Refusal(
                    403,
                    "the header Origin names a page of another site: start the server with "
                    "--cors-origin ORIGIN",
                )

    def _is_ours(self, host: str) -> bool:
        """Tell whether a host is this server: by any address, or by a name that it was told.

        An address is always safe. A page that a browser loaded from it came from this server.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name == "localhost" or name in self._settings.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _check_token(self, headers: Headers) -> None:
        token = self._settings.token
        if token is None:
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        same = secrets.compare_digest(given.strip().encode(), token.encode())
        if scheme.lower() != "bearer" or not same:
            message = "no valid token: send the header Authorization: Bearer TOKEN"
            raise Refusal(401, message, {"WWW-Authenticate": "Bearer"})

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Read the body; return None if the client goes away before its end."""
        most = self._settings.limits.body_bytes
        too_large = Refusal(413, f"the body has more than {most} bytes: send fewer texts at a time")
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > most:
            raise too_large
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > most:
                raise too_large
            more = message.get("more_body", False)
        return bytes(body)


def _is_page(scope: Scope) -> bool:
    """Tell whether the page is asked for: its HTML, or a file beside it.

    It contains nothing of an index, and asks the person for the token. `POST /` is a request of a
    program.
    """
    path: str = scope["path"]
    return scope["method"] in _READING and (path == PAGE or path.startswith(ASSETS))


def _is_of(origin: str, host: str) -> bool:
    """Tell whether a page is of the host that is asked."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _whole(body: bytes, receive: Receive) -> Receive:
    """Return a function that gives a body in one piece, and then goes on as before."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
