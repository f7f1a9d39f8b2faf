"""Requests to the upstream, whose every failure is an answer that says so."""

import asyncio
import ssl
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version

import httpx

from quotetune.serve.refusal import Refusal
from quotetune.serve.upstream import Upstream

Header = tuple[bytes, bytes]

# All other headers stay here, above all Authorization, which has the token of this server.
_TO_UPSTREAM = frozenset({b"traceparent", b"x-request-id"})
_TO_CLIENT = frozenset({b"retry-after", b"retry-after-ms", b"x-request-id"})
_SECONDS_TO_CONNECT = 10.0
# Many servers close a connection after five seconds, and must not do so while a request is sent.
_SECONDS_OF_REUSE = 3.0


class Answer:
    """An answer of the upstream, whose body is still to come.

    Attributes:
        status: Its HTTP status.
        kind: Its content type, in lower case and without parameters.
        headers: Those of its headers that a client may see.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        kind = response.headers.get("content-type", "")
        self.kind = kind.partition(";")[0].strip().lower()
        self.headers = _allowed(response.headers.raw, _TO_CLIENT)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes.

        Raises:
            Refusal: It breaks off, or nothing comes for too long.
        """
        if self._response.headers.get("content-encoding", "identity") != "identity":
            raise Refusal(502, "the upstream compresses its answer, which nobody asked it to do")
        with _refusing():
            async for piece in self._response.aiter_raw():
                yield piece

    async def body(self, most: int) -> bytes:
        """Return the body.

        Raises:
            Refusal: It is too long, breaks off, or nothing comes for too long.
        """
        body = bytearray()
        async for piece in self.pieces():
            body += piece
            if len(body) > most:
                raise Refusal(502, f"the answer of the upstream has more than {most} bytes")
        return bytes(body)


class Client:
    """A client of one upstream.

    It asks only that address: it follows no redirect, and neither proxies nor passwords of the
    environment are used. It keeps no cookies, because they would be those of another client.

    Args:
        upstream: The upstream.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        connect = min(_SECONDS_TO_CONNECT, upstream.seconds)
        secure = upstream.url.startswith("https:")
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            verify=ssl.create_default_context() if secure else False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(upstream.seconds, connect=connect, pool=None),
            # The limit of work also bounds the connections.
            limits=httpx.Limits(max_connections=None, keepalive_expiry=_SECONDS_OF_REUSE),
        )

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, headers: Iterable[Header], body: bytes | None = None
    ) -> AsyncIterator[Answer]:
        """Send a request, and give its answer; at the end, the answer is given up.

        Args:
            method: `GET` or `POST`.
            path: The path, such as `/v1/models`.
            headers: The headers of the client, of which only harmless ones are sent.
            body: JSON.

        Raises:
            Refusal: The upstream cannot be reached, or does not start to answer in time.
        """
        sent = _allowed(headers, _TO_UPSTREAM)
        sent += [
            (b"accept", b"application/json, text/event-stream"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", f"quotetune/{version('quotetune')}".encode()),
        ]
        if body is not None:
            sent.append((b"content-type", b"application/json"))
        if self._upstream.key is not None:
            sent.append((b"authorization", f"Bearer {self._upstream.key}".encode()))
        url = self._upstream.at(path)
        request = self._client.build_request(method, url, headers=sent, content=body)
        with _refusing():
            # A head that comes byte by byte is no sign of life.
            async with asyncio.timeout(self._upstream.seconds):
                response = await self._client.send(request, stream=True)
        try:
            yield Answer(response)
        finally:
            await response.aclose()


def _allowed(headers: Iterable[Header], names: frozenset[bytes]) -> list[Header]:
    return [(name.lower(), value) for name, value in headers if name.lower() in names]


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn failures of the connection into refusals. What they say is only for our own log."""
    try:
        yield
    except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout) as error:
        raise Refusal(504, "the upstream is silent for too long: send the request again") from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        _say(error)
        raise Refusal(502, "the upstream cannot be reached: send the request later") from error
    except httpx.TransportError as error:
        _say(error)
        raise Refusal(502, "the upstream breaks off, or does not speak HTTP") from error


def _say(error: Exception) -> None:
    print(f"error: upstream: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
