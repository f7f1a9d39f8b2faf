"""Hand the parts of a work out to replicas: processes that do the same work side by side.

A replica is a child (`child.py`) that asks for a part whenever it needs one, so that a slow one
delays nobody. `next` is answered as soon as there is a part, and with nothing once all are made. To
`ahead`, from a replica that still makes another part, there is an answer at once, which may be
nothing. A replica that dies is replaced, and its parts are handed out again.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Protocol

from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.child import ASKS, reported_error

NEXT, AHEAD = "next", "ahead"  # the questions
MADE = "made"  # the key under which a replica reports a part that it has made
TRIES = 3
# How long a replica may take to end by itself, as an engine that closes its connections does.
SECONDS_TO_LEAVE = 60.0


class Replica(Protocol):
    """A child process, wherever it runs. It is started when it is made."""

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that it writes, until it has ended."""
        ...

    def send(self, line: str) -> None:
        """Give it a line, if it still runs."""
        ...

    def failure(self) -> str | None:
        """Say how it ended, after the last of its lines; None if it ended well."""
        ...

    def end(self) -> None:
        """End it, with the processes that it has started."""
        ...


@dataclass(frozen=True)
class Work:
    """A work in parts.

    Attributes:
        name: The work in one word, for messages.
        parts: The numbers of its parts, in the order in which they are handed out.
        start: Starts a replica in a place, which is a number from 0.
        replicas: The number of places.
        made: Called with the number of parts that are left, after each part.
        report: Called with a number for the replica, which no other one has, and each object that
            it reports. The first one says that it is ready to work.
        note: Called with a line about a replica that died.
    """

    name: str
    parts: Sequence[int]
    start: Callable[[int], Replica]
    replicas: int
    made: Callable[[int], None]
    report: Callable[[int, dict[str, Any]], None]
    note: Callable[[str], None]


def hand_out(work: Work) -> None:
    """Let replicas make all parts of a work. The functions of the work are called in this thread.

    Raises:
        UsageError: A replica reported one.
        QuotetuneError: A part has failed three times, and the message names it; or a replica cannot
            be started.
    """
    _HandOut(work).run()


@dataclass(eq=False)
class _Running:
    """A replica that runs.

    Attributes:
        number: Its number, which no other one has.
        place: Where it runs.
        replica: The replica itself.
        held: The parts that it has, the one that it makes first.
        is_ready: Whether it has reported anything.
        error: The error that it reported.
    """

    number: int
    place: int
    replica: Replica
    held: list[int] = field(default_factory=list)
    is_ready: bool = False
    error: QuotetuneError | None = None


class _HandOut:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting = deque(work.parts)
        self._left = set(work.parts)
        self._tries: Counter[int] = Counter()
        self._failed_starts: Counter[int] = Counter()  # in a row, by place
        self._running: list[_Running] = []
        self._idle: list[_Running] = []  # replicas that wait for a part
        self._started = 0
        self._was_ready = False
        self._news: SimpleQueue[tuple[_Running, bytes | None]] = SimpleQueue()

    def run(self) -> None:
        try:
            for place in range(min(self._work.replicas, len(self._left))):
                self._start(place)
            while self._left:
                running, line = self._news.get()
                if line is None:
                    self._bury(running)
                else:
                    self._hear(running, json.loads(line))
            self._dismiss()
        finally:
            for running in self._running:
                running.replica.end()

    def _start(self, place: int) -> None:
        running = _Running(self._started, place, self._work.start(place))
        self._started += 1
        self._running.append(running)
        # A daemon, because a replica that cannot be ended must not keep this process.
        Thread(target=self._listen, args=(running,), daemon=True).start()

    def _listen(self, running: _Running) -> None:
        try:
            for line in running.replica.lines():
                self._news.put((running, line))
        finally:
            self._news.put((running, None))

    def _hear(self, running: _Running, event: dict[str, Any]) -> None:
        if (question := event.get(ASKS)) is not None:
            if question == AHEAD or self._waiting:
                self._answer(running)
            else:
                self._idle.append(running)
        elif MADE in event:
            running.held.remove(event[MADE])
            self._left.discard(event[MADE])
            self._work.made(len(self._left))
        elif (error := reported_error(event)) is not None:
            running.error = error
            if isinstance(error, UsageError):
                raise error
        else:
            running.is_ready = self._was_ready = True
            self._failed_starts[running.place] = 0
            self._work.report(running.number, event)

    def _answer(self, running: _Running) -> None:
        """Give a replica the next part, or nothing."""
        if not self._waiting:
            running.replica.send("")
            return
        part = self._waiting.popleft()
        running.held.append(part)
        running.replica.send(str(part))

    def _bury(self, running: _Running) -> None:
        """Hand the parts of a replica that has ended out again, and replace it."""
        self._remove(running)
        end = running.replica.failure() or f"the {self._work.name} process ended too early"
        error = running.error or QuotetuneError(end)
        self._count(running, error)
        held = f", with {self._names(running.held)}" if running.held else ""
        self._work.note(f"replica {running.place} is replaced{held}: {error}")
        self._waiting.extendleft(reversed(running.held))
        while self._idle and self._waiting:
            self._answer(self._idle.pop(0))
        if self._waiting:
            self._start(running.place)

    def _count(self, running: _Running, error: QuotetuneError) -> None:
        """Count a failure of a replica, and give up after the third one."""
        if not running.is_ready:
            self._failed_starts[running.place] += 1
            # An error before anything has worked is most likely one of the settings.
            is_first = running.error is not None and not self._was_ready
            if is_first or self._failed_starts[running.place] == TRIES:
                raise error
            return
        self._tries.update(running.held)
        failed = [part for part in running.held if self._tries[part] == TRIES]
        if failed:
            # It had them all in hand, and any of them may be the cause.
            raise QuotetuneError(f"{self._names(failed)} failed three times: {error}")

    def _names(self, parts: Sequence[int]) -> str:
        name = "part" if len(parts) == 1 else "parts"
        return f"{self._work.name} {name} {' and '.join(map(str, parts))}"

    def _remove(self, running: _Running) -> None:
        self._running.remove(running)
        if running in self._idle:
            self._idle.remove(running)
        running.replica.end()

    def _dismiss(self) -> None:
        """Let the replicas end by themselves, apart from those that have not started yet.

        If they do not in time, `run` ends them: all parts are made.
        """
        for running in [one for one in self._running if not one.is_ready]:
            self._remove(running)
        for running in self._idle:
            running.replica.send("")
        while self._running:
            try:
                running, line = self._news.get(timeout=SECONDS_TO_LEAVE)
            except Empty:
                return
            if line is None and running in self._running:
                self._remove(running)
            elif line is not None and ASKS in json.loads(line):
                running.replica.send("")
