"""`quotetune serve` while its index is replaced, after a kill, and with clients that only wait."""

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.corpora import split_corpus
from benchmarks.settings import N, Settings
from benchmarks.table import Listing, number
from benchmarks.targets import target, targets
from quotetune import build_index

CONNECTIONS = 16
REPLACEMENTS = 100
WAITING = 1000
# Documents of the index, which is built again for each replacement.
DOCUMENTS = 500
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_HEALTH = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


@dataclass
class Answers:
    """What the clients of a load got.

    Attributes:
        right: Answers that are one of those expected.
        wrong: Other answers.
        failed: Requests without an answer.
        times: When the answers came, in seconds.
    """

    right: int = 0
    wrong: int = 0
    failed: int = 0
    times: list[float] = field(default_factory=list)


def tables(settings: Settings) -> list[Listing]:
    """Put the server under stress, and count what goes wrong."""
    documents, _ = split_corpus(settings.demo, settings.text_bytes)
    index = settings.work / "stress"
    halves = [documents[:DOCUMENTS], documents[DOCUMENTS : 2 * DOCUMENTS]]
    text = halves[0][0][:1000] + " " + halves[1][0][:1000]
    expected = {build_index(half, index, n=N, overwrite=True).quip([text])[0] for half in halves}
    load = _Load(index, text, expected)
    replaced = asyncio.run(load.while_replacing(halves))
    killed, seconds = asyncio.run(load.while_killed())
    health = asyncio.run(load.while_others_wait())
    wrong = replaced.wrong + killed.wrong
    aims = targets(
        target("no failed request in replacements", replaced.failed, most=0),
        target("no wrong answer", wrong, most=0),
        target("back in 2 s after a kill", seconds, most=2),
        target("/healthz within 1 s", health, most=1),
    )
    return [
        Listing(
            heading="The service under stress",
            header=("what", "right answers", "wrong", "failed", "seconds"),
            rows=[
                (f"{REPLACEMENTS} replacements of the index", *_counts(replaced), ""),
                ("kill -9, and a start again", *_counts(killed), number(seconds)),
                (f"{WAITING:,} connections that wait", "", "", "", number(health)),
            ],
            notes=(
                f"{CONNECTIONS} connections ask /score without a pause, and compare each answer"
                " with that of `Index.quip`. The seconds are those from the kill to the first"
                " answer, and the longest time of /healthz while connections have sent only a part"
                f" of a request, one of them slowly and one without an end. {aims}",
            ),
        )
    ]


def _counts(answers: Answers) -> tuple[str, str, str]:
    return f"{answers.right:,}", f"{answers.wrong:,}", f"{answers.failed:,}"


class _Load:
    """Requests whose answers are known."""

    def __init__(self, index: Path, text: str, expected: set[float]) -> None:
        self._index = index
        self._expected = expected
        body = json.dumps({"texts": [text]}).encode()
        head = "POST /score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        self._request = head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body

    async def while_replacing(self, halves: list[tuple[str, ...]]) -> Answers:
        """Replace the index again and again under load."""
        answers = Answers()
        server, port = self._started(0)
        asking = self._ask(port, answers)
        for _, half in zip(range(REPLACEMENTS), itertools.cycle(halves), strict=False):
            await asyncio.to_thread(build_index, half, self._index, n=N, overwrite=True)
        await self._end(asking, server)
        return answers

    async def while_killed(self) -> tuple[Answers, float]:
        """Kill the server under load, and start it again; return the seconds until it answers."""
        answers = Answers()
        server, port = self._started(0)
        asking = self._ask(port, answers)
        await asyncio.sleep(1)
        server.kill()
        server.wait()
        start = time.monotonic()
        server, _ = self._started(port)
        while not (answers.times and answers.times[-1] > start):
            await asyncio.sleep(0.001)
        seconds = next(at for at in answers.times if at > start) - start
        await asyncio.sleep(1)
        await self._end(asking, server)
        return answers, seconds

    async def while_others_wait(self) -> float:
        """Return the longest time of /healthz while many connections wait for their own clients."""
        server, port = self._started(0)
        body = self._request.index(b"\r\n\r\n") + 4
        waiting = [await self._sent(port, self._request[: body - 20]) for _ in range(WAITING)]
        slow = asyncio.ensure_future(self._drip(port, self._request, 0.2))
        endless = self._request[:body].replace(
            b"content-length", b"transfer-encoding: chunked\r\nx"
        )
        never = asyncio.ensure_future(self._drip(port, endless + b"1\r\n \r\n" * 10**6, 0))
        longest = 0.0
        for _ in range(20):
            start = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await self._answer(reader, writer, _HEALTH)
            writer.close()
            longest = max(longest, time.monotonic() - start)
            await asyncio.sleep(0.1)
        for writer in waiting:
            writer.close()
        await self._end([slow, never], server)
        return longest

    def _started(self, port: int) -> tuple[subprocess.Popen[str], int]:
        options = ["--port", str(port), "--rate", "1000000"]
        command = [sys.executable, "-m", "quotetune", "serve", str(self._index), *options]
        server = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert server.stderr is not None
        found = re.search(r":(\d+) ", server.stderr.readline())
        assert found is not None
        return server, int(found[1])

    def _ask(self, port: int, answers: Answers) -> list[asyncio.Future[None]]:
        async def ask() -> None:
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    while True:
                        answer = await self._answer(reader, writer, self._request)
                        share = json.loads(answer)["results"][0]["quip_25_beta"]
                        answers.right += share in self._expected
                        answers.wrong += share not in self._expected
                        answers.times.append(time.monotonic())
                except (OSError, asyncio.IncompleteReadError):
                    answers.failed += 1
                    await asyncio.sleep(0.01)

        return [asyncio.ensure_future(ask()) for _ in range(CONNECTIONS)]

    @staticmethod
    async def _answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> bytes:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert b" 200 " in head[:20] and length is not None, head
        return await reader.readexactly(int(length[1]))

    @staticmethod
    async def _sent(port: int, request: bytes) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        return writer

    async def _drip(self, port: int, request: bytes, seconds: float) -> None:
        """Send a request in small pieces."""
        writer = await self._sent(port, b"")
        with suppress(OSError):
            for start in range(0, len(request), 64):
                writer.write(request[start : start + 64])
                await writer.drain()
                await asyncio.sleep(seconds)

    @staticmethod
    async def _end(tasks: list[asyncio.Future[None]], server: subprocess.Popen[str]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        os.kill(server.pid, signal.SIGTERM)
        server.wait()
