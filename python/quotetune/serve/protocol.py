"""HTTP with a deadline: a client that sends too slowly, or reads nothing, is cut off.

uvicorn's own protocol waits without end for the rest of a request. A few thousand such connections
would keep all others out.
"""

from asyncio import Transport
from asyncio.events import TimerHandle
from http import HTTPStatus
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from quotetune.serve.request_log import write_line

_MOST_OF_HEAD = 64 << 10
_SECONDS_TO_READ = 60.0


class TimelyProtocol(HttpToolsProtocol):
    """A connection whose requests must arrive in time, and whose answers must be read in time."""

    seconds_to_send: ClassVar[float]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: TimerHandle | None = None
        self._unread: TimerHandle | None = None
        self._head = 0
        self._has_head = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all deadlines."""
        self._request_is_complete()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a request whose first bytes are here."""
        self._expect_request()
        super().data_received(data)
        if self._deadline is not None and not self._has_head:
            self._head += len(data)
            if self._head > _MOST_OF_HEAD:
                self._cut_off(431, f"the head of the request has more than {_MOST_OF_HEAD} bytes")

    def on_message_begin(self) -> None:
        """Expect the rest of a request, which may follow another in the same packet."""
        super().on_message_begin()
        self._head, self._has_head = 0, False
        self._expect_request()

    def on_headers_complete(self) -> None:
        """Let the body follow."""
        self._has_head = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect nothing more."""
        self._request_is_complete()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the client to read an answer that the kernel has no room for."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._expect_reading()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._cut_off(400, msg)

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds_to_send, self._is_late)

    def _request_is_complete(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expect_reading(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(_SECONDS_TO_READ, self._is_unread)

    def _is_late(self) -> None:
        self._deadline = None
        if self.pipeline or (self._is_answering() and not self.cycle.more_body):
            # A request that has arrived is being answered. The next one waits for its turn.
            self._expect_request()
            return
        self._cut_off(408, f"the request did not arrive within {self.seconds_to_send:g} seconds")

    def _is_unread(self) -> None:
        self._unread = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _is_answering(self) -> bool:
        # A connection that has not had a request has no cycle, whatever the type says.
        return cast(Any, self.cycle) is not None and not self.cycle.response_complete

    def _cut_off(self, status: int, message: str) -> None:
        self._request_is_complete()
        if self.transport.is_closing():
            return
        if not self._has_head:
            # Nothing goes out before the answer to an earlier request, or if nobody has asked.
            if not self._is_answering() and (self._head or status != 408):
                self._write_refusal(status, message)
                client = self.client[0] if self.client else None
                write_line(client=client, status=status, problem=message)
        elif self._is_answering() and not self.cycle.response_started:
            # The application waits for the body, ends when the connection does, and is logged then.
            self._write_refusal(status, message)
            self.scope["state"].setdefault("note", {})["status"] = status
        self.transport.close()
        # What the client does not read must not keep the connection.
        self._expect_reading()

    def _write_refusal(self, status: int, message: str) -> None:
        body = f'{{"error":"{message}"}}'.encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nconnection: close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)


def timely_protocol(seconds_to_send: float) -> type[TimelyProtocol]:
    """Return the protocol with the time in which a client must have sent a request."""
    return type("TimelyProtocol", (TimelyProtocol,), {"seconds_to_send": seconds_to_send})
