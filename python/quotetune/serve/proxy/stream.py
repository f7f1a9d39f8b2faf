"""A streamed answer on its way to the client: its chunks unchanged, and our own among them."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress

from quotetune.serve.proxy.events import DONE, EventReader, TooLong, data_of, event_of
from quotetune.serve.proxy.json_text import Json, objects, read_object, written
from quotetune.serve.proxy.streamed_citations import Addition, StreamedCitations
from quotetune.serve.refusal import Refusal

# The keys of a chunk by which a client knows to which answer it belongs.
_ENVELOPE = ("id", "object", "created", "model")


async def events_of(pieces: AsyncIterator[bytes], most: int) -> AsyncGenerator[list[bytes], None]:
    """Yield the events of a stream, those together that come together.

    Args:
        pieces: The stream in pieces.
        most: Bytes of an event.

    Raises:
        Refusal: An event is too long, or the stream fails.
    """
    reader = EventReader(most)
    try:
        async for piece in pieces:
            events = reader.read(piece)
            if events:
                yield events
    except TooLong as error:
        raise Refusal(502, f"an event of the upstream has more than {most} bytes") from error
    if rest := reader.rest():
        # Line ends alone are what came late of the last event's end, as the \n of \r\n.
        yield [rest + b"\n\n" if rest.strip(b"\r\n") else rest]


def error_event(refusal: Refusal) -> bytes:
    """Return the event that ends a stream that goes wrong, in the form of OpenAI's errors."""
    error = {"message": refusal.message, "type": "upstream_error", "code": refusal.status}
    return event_of(written({"error": error}))


class Relay:
    """The way of one answer.

    Each event is sent as soon as it comes. The index is asked beside that, so no token waits for
    it. Only the chunk with which a choice ends does, and what comes after it, because the last
    citations of the choice come before it.

    Args:
        events: The events of the upstream, as `events_of` yields them.
        citations: The citations of the answer.
    """

    def __init__(self, events: AsyncIterator[list[bytes]], citations: StreamedCitations) -> None:
        self._events = events
        self._citations = citations
        self._envelope: Json = {}
        self._tracing: asyncio.Task[list[Addition]] | None = None
        self.problem: str | None = None

    async def sent(self) -> AsyncGenerator[bytes, None]:
        """Yield what is sent to the client.

        If the upstream fails, the last event says so.
        """
        reading = asyncio.ensure_future(anext(self._events, None))
        try:
            while True:
                due_in = self._trace()
                waiting = {reading} if self._tracing is None else {reading, self._tracing}
                await asyncio.wait(waiting, timeout=due_in, return_when=asyncio.FIRST_COMPLETED)
                if self._tracing is not None and self._tracing.done():
                    yield self._own(await self._traced())
                if not reading.done():
                    continue
                events = reading.result()
                if events is None:
                    break
                async for piece in self._passed(events):
                    yield piece
                reading = asyncio.ensure_future(anext(self._events, None))
            yield self._own(await self._traced())
            ended = self._citations.open_choices()
            yield self._own(await self._citations.settled(time.monotonic(), ended))
        except Refusal as refusal:
            self.problem = refusal.message
            yield error_event(refusal)
        finally:
            for task in (reading, self._tracing):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError, Refusal):
                        await task

    async def _passed(self, events: Sequence[bytes]) -> AsyncIterator[bytes]:
        """Yield events of the upstream, and what of our own comes before them."""
        passed = bytearray()
        for event in events:
            data = data_of(event)
            is_last = data is not None and data.strip() == DONE
            chunk = None if data is None or is_last else read_object(data)
            ended = self._citations.open_choices() if is_last else []
            if chunk is not None:
                self._envelope = {k: chunk[k] for k in _ENVELOPE if k in chunk} or self._envelope
                ended = self._citations.add(chunk)
            is_broken = chunk is None and data is not None and not is_last
            if ended or is_broken:
                # What came before waits for nothing.
                yield bytes(passed)
                passed.clear()
            if is_broken:
                raise Refusal(502, "an event of the upstream is not a JSON object")
            if ended:
                yield self._own(await self._traced())
                additions = await self._citations.settled(time.monotonic(), ended)
                passed += self._ending(event, chunk, additions)
            else:
                passed += event
        yield bytes(passed)

    def _ending(self, event: bytes, chunk: Json | None, additions: Sequence[Addition]) -> bytes:
        """Return an event with which choices end, and their last citations before it."""
        own = self._own(additions)
        late = [] if chunk is None else _late_texts(chunk, additions)
        if chunk is None or not late:
            return own + event
        # The list of footnotes must follow the last text, and come before the end.
        ends = written(self._envelope | {"choices": _ends(chunk, late)})
        return event_of(written(_unended(chunk, late))) + own + event_of(ends)

    def _trace(self) -> float | None:
        """Trace what is new if that is due; else return the seconds until it is, if it will be."""
        now = time.monotonic()
        due_in = None if self._tracing else self._citations.due_in(now)
        if due_in == 0:
            self._tracing = asyncio.ensure_future(self._citations.settled(now))
            return None
        return due_in

    async def _traced(self) -> list[Addition]:
        """Return what the trace that is in progress finds."""
        if self._tracing is None:
            return []
        additions = await self._tracing
        self._tracing = None
        return additions

    def _own(self, additions: Sequence[Addition]) -> bytes:
        """Return our own chunks, one for each choice, because clients may read only the first."""
        own = b""
        for addition in additions:
            choice = {"index": addition.index, "delta": addition.delta, "finish_reason": None}
            own += event_of(written(self._envelope | {"choices": [choice]}))
        return own


def _late_texts(chunk: Json, additions: Sequence[Addition]) -> list[int]:
    """Return the choices that get a list, and end with a chunk that still has text of them."""
    texts = [
        choice.get("index")
        for choice in objects(chunk["choices"])
        if isinstance(choice.get("delta"), dict) and choice["delta"].get("content")
    ]
    return [one.index for one in additions if "content" in one.delta and one.index in texts]


def _unended(chunk: Json, numbers: Sequence[int]) -> Json:
    """Return a chunk in which some choices do not end."""
    choices = [
        choice | {"finish_reason": None}
        if isinstance(choice, dict) and choice.get("index") in numbers
        else choice
        for choice in chunk["choices"]
    ]
    return chunk | {"choices": choices}


def _ends(chunk: Json, numbers: Sequence[int]) -> list[Json]:
    """Return the ends of choices without their text."""
    return [
        {key: value for key, value in choice.items() if key != "logprobs"} | {"delta": {}}
        for choice in objects(chunk["choices"])
        if choice.get("index") in numbers
    ]
