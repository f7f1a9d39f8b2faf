"""Work in threads: the index releases the GIL, and the event loop goes on accepting requests."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from quotetune.serve.refusal import busy
from quotetune.serve.shared import SharedCounts

_Result = TypeVar("_Result")

# Calls of the index use all cores by themselves. A few threads keep them busy while others turn
# answers into JSON.
_THREADS = 4


class Work:
    """The threads of a worker.

    Args:
        counts: The counts that the workers share.
        most: Pieces of work of all workers at one time.
        seconds: Time for one piece of work, waiting included.
    """

    def __init__(self, counts: SharedCounts, most: int, seconds: float) -> None:
        self._counts = counts
        self._most = most
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="work")

    async def do(self, work: Callable[[], _Result]) -> _Result:
        """Do a piece of work in a thread.

        Args:
            work: The work.

        Returns:
            Its result.

        Raises:
            Refusal: There is too much work, or this piece took too long.
        """
        self._start(self._most)
        loop = asyncio.get_running_loop()
        future = self._threads.submit(work)

        def end(_: Future[_Result]) -> None:
            # A thread cannot be stopped, so work that took too long counts until it has ended. The
            # loop is closed if that happens after the server.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._counts.end_work)

        future.add_done_callback(end)
        return await self._in_time(future)

    @contextlib.contextmanager
    def chat(self) -> Iterator[None]:
        """Count a chat as work until it is over; its pieces are done by `do_for_chat`.

        A chat mostly waits for its model, for minutes. So it only begins while fewer than half of
        the places are taken, and the other half stays for requests that end soon.

        Raises:
            Refusal: There is too much work.
        """
        self._start(max(1, self._most // 2))
        try:
            yield
        finally:
            self._counts.end_work()

    async def do_for_chat(self, work: Callable[[], _Result]) -> _Result:
        """Do a piece of work in a thread, as `do` does, for a chat that is counted already."""
        return await self._in_time(self._threads.submit(work))

    def _start(self, most: int) -> None:
        if not self._counts.start_work(most):
            raise busy(f"{most} requests are in work: send this one again in a second")

    async def _in_time(self, future: Future[_Result]) -> _Result:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError as error:
            raise busy(
                f"the answer took more than {self._seconds:g} seconds: send fewer texts at a time"
            ) from error
