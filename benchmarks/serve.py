"""Requests per second of `quotetune serve`: `python -m benchmarks.serve INDEX`.

The texts are pieces of the index's own documents, so half of each is one long quote. The client
keeps its connections open, and shares the cores of the server.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from quotetune import Index

_TEXT_BYTES = 2000
_TEXTS = 500
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    texts = _texts(Index.open(options.index))
    with served(options.index, "--workers", str(options.workers), "--rate", "1000000") as port:
        for route in ("healthz", "score", "trace"):
            requests = [_request(route, text) for text in texts]
            times = asyncio.run(_measured(port, requests, options))
            _print(route, times, options.seconds)


@contextmanager
def served(index: Path, *options: str) -> Iterator[int]:
    """Serve an index until the end; give the port."""
    command = [sys.executable, "-m", "quotetune", "serve", str(index), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        found = re.search(r":(\d+) ", server.stderr.readline())
        assert found is not None
        try:
            yield int(found[1])
        finally:
            server.terminate()


def _texts(index: Index) -> list[str]:
    """Make texts that quote a document and go on with words of others."""
    documents = [document.text for document in islice(index.documents(), 4 * _TEXTS)]
    texts = []
    for number in range(_TEXTS):
        others = documents[number + 1 :] + documents[:number]
        quoted = documents[number][: _TEXT_BYTES // 2]
        words = " ".join(text.split()[0] for text in others if text.strip())
        texts.append((quoted + " " + words).encode()[:_TEXT_BYTES].decode(errors="ignore"))
    return texts


def _request(route: str, text: str) -> bytes:
    if route == "healthz":
        return b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    body = json.dumps({"texts": [text]}).encode()
    head = f"POST /{route} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body


async def _measured(port: int, requests: list[bytes], options: argparse.Namespace) -> list[float]:
    """Send requests on all connections for some seconds; return the seconds that each took."""
    times: list[float] = []
    start = time.perf_counter() + 0.5  # what comes before warms the server up
    end = start + options.seconds

    async def ask(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number = first
        while (sent := time.perf_counter()) < end:
            writer.write(requests[number % len(requests)])
            number += options.connections
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            assert b" 200 " in head[:20] and length is not None, head
            await reader.readexactly(int(length[1]))
            if sent >= start:
                times.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(ask(number) for number in range(options.connections)))
    return times


def _print(route: str, times: list[float], seconds: float) -> None:
    times.sort()
    p50, p99 = (times[int(share * (len(times) - 1))] * 1000 for share in (0.5, 0.99))
    print(f"{route}: {len(times) / seconds:,.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
