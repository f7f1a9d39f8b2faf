"""One chat: the request goes upstream, and the answer comes back with citations."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from quotetune.serve.proxy.citing import Citing
from quotetune.serve.proxy.client import Answer, Client, Header
from quotetune.serve.proxy.departure import until_departure
from quotetune.serve.proxy.json_text import read_object
from quotetune.serve.proxy.stream import Relay, error_event, events_of
from quotetune.serve.proxy.streamed_citations import StreamedCitations
from quotetune.serve.proxy.whole_answer import WholeAnswer
from quotetune.serve.refusal import Refusal, busy

CHATS = "/v1/chat/completions"
_JSON = "application/json"
_EVENTS = "text/event-stream"
_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    # nginx would keep tokens back until a buffer is full.
    (b"x-accel-buffering", b"no"),
]
# They say that this server may not ask, which is no matter of the client.
_REFUSES_US = (401, 403, 407)
_PASSED_FAILURES = (503, 504)


class Chat(Response):
    """The answer to a request, which is read from the upstream while it is sent.

    Args:
        client: The client of the upstream.
        request: The request, whose body has been read.
        body: What is sent upstream.
        citing: How the answer is cited.
    """

    def __init__(self, client: Client, request: Request, body: bytes, citing: Citing) -> None:
        self._client = client
        self._sent_headers = request.headers.raw
        self._note = request.state.note
        self._body = body
        self._citing = citing
        self._is_streaming = False
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask, and send the answer; a client that goes away ends both."""
        with self._citing.service.work.chat():
            try:
                if not await until_departure(receive, self._answer(scope, receive, send)):
                    self._note["problem"] = "the client went away"
            except asyncio.CancelledError:
                # The server ends, and has waited for this chat for long enough.
                ends = busy("the server ends: send the request again")
                self._note["problem"] = ends.message
                if self._is_streaming:
                    await send({"type": "http.response.body", "body": error_event(ends)})
                else:
                    await ends.response()(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, body = self._sent_headers, self._body
        response = None
        try:
            async with self._client.ask("POST", CHATS, headers, body) as answer:
                if answer.status == 200 and answer.kind == _EVENTS:
                    await self._stream(answer, send)
                else:
                    response = await self._whole(answer)
        except Refusal as refusal:
            self._note["problem"] = refusal.message
            raise
        # The end comes last, because after it the client counts as gone.
        if response is None:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await response(scope, receive, send)

    async def _whole(self, answer: Answer) -> Response:
        most = self._citing.service.settings.limits.body_bytes
        if answer.status != 200:
            return await failure(answer, most)
        whole = WholeAnswer(await json_body(answer, most), self._citing)
        self._log(len(whole.contents), sum(map(len, whole.contents)))
        return json_response(200, await whole.with_citations(), answer.headers)

    async def _stream(self, answer: Answer, send: Send) -> None:
        most = self._citing.service.settings.limits.body_bytes
        citations = StreamedCitations(self._citing)
        start = [*_STREAM_HEADERS, *answer.headers]
        self._is_streaming = True
        await send({"type": "http.response.start", "status": 200, "headers": start})
        async with aclosing(answer.pieces()) as pieces, aclosing(events_of(pieces, most)) as events:
            relay = Relay(events, citations)
            try:
                async with aclosing(relay.sent()) as sent:
                    async for piece in sent:
                        if piece:
                            message = {"type": "http.response.body", "body": piece}
                            await send(message | {"more_body": True})
            finally:
                self._log(len(citations), citations.characters)
        if relay.problem is not None:
            self._note["problem"] = relay.problem

    def _log(self, texts: int, characters: int) -> None:
        self._note |= {"texts": texts, "characters": characters}


async def json_body(answer: Answer, most: int) -> bytes:
    """Return the body of an answer.

    Raises:
        Refusal: It is not JSON, or too long, or does not come.
    """
    if answer.kind != _JSON:
        raise Refusal(502, "the content type of the upstream's answer is not JSON")
    return await answer.body(most)


async def failure(answer: Answer, most: int) -> Response:
    """Return what a client gets for an answer of the upstream that is not 200.

    What the upstream says about the request is passed on. Its other failures become 502.
    """
    status = answer.status
    if 300 <= status < 400:
        raise Refusal(502, "the upstream redirects, which is not followed: name its final address")
    if status in _REFUSES_US:
        raise Refusal(
            502, f"the upstream refuses this server (status {status}): give --upstream-key-file"
        )
    if answer.kind == _JSON and status >= 400:
        body = await answer.body(most)
        if read_object(body) is not None:
            passed = status < 500 or status in _PASSED_FAILURES
            return json_response(status if passed else 502, body, answer.headers)
    raise Refusal(502, f"the upstream answers with status {status}, and without a reason in JSON")


def json_response(status: int, body: bytes, headers: Sequence[Header]) -> Response:
    """Return an answer with headers of the upstream."""
    response = Response(body, status, media_type=_JSON)
    response.raw_headers += headers
    return response
