"""Server-sent events: a stream of bytes is split into events, each as it came."""

import re

# A line may end in three ways, and an event with empty lines. The groups keep a line end whole.
_LINE_END = re.compile(rb"(?>\r\n|\n|\r)")
_EVENT_END = re.compile(rb"(?>\r\n|\n|\r){2,}")
_LONGEST_END = 4
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
DONE = b"[DONE]"


class TooLong(Exception):  # noqa: N818 - the reader of events says what is wrong
    """An event has more bytes than it may have."""


class EventReader:
    r"""Splits a stream that arrives in pieces.

    The events, one after the other, are the bytes of the stream.

    Args:
        most: Bytes of an event.

    Example:
        >>> reader = EventReader(100)
        >>> reader.read(b"data: 1\n"), reader.read(b"\ndata: 2\n\nda"), reader.rest()
        ([], [b'data: 1\n\n', b'data: 2\n\n'], b'da')
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()
        self._searched = 0

    def read(self, piece: bytes) -> list[bytes]:
        """Take the next piece, and return the events that it completes.

        Raises:
            TooLong: The event that has begun is too long.
        """
        self._held += piece
        events = []
        start = 0
        for end in _EVENT_END.finditer(self._held, self._searched):
            events.append(bytes(self._held[start : end.end()]))
            start = end.end()
        del self._held[:start]
        self._searched = max(0, len(self._held) - _LONGEST_END)
        if len(self._held) > self._most or any(len(event) > self._most for event in events):
            raise TooLong
        return events

    def rest(self) -> bytes:
        """Return what follows the last event; a stream may lack the empty line at its end."""
        return bytes(self._held)


def data_of(event: bytes) -> bytes | None:
    r"""Return the data of an event; None if it is only a comment or an empty line.

    Example:
        >>> data_of(b": still there\n\n"), data_of(b"id: 7\ndata: {\ndata: }\n\n")
        (None, b'{\n}')
    """
    data = []
    for line in _LINE_END.split(event.removeprefix(_BYTE_ORDER_MARK)):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
    return b"\n".join(data) if data else None


def event_of(data: bytes) -> bytes:
    """Return an event with one line of data."""
    return b"data: " + data + b"\n\n"
